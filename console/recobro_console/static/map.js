// The map: circles at the positions that elements of the page name. The same facts stand in the page's table.
//   data-map="#list"       the map; it follows the points inside that element, and hides while there are none
//   data-tiles="https://…" the operator's map server; without it the background is plain
//   data-latitude, data-longitude, data-point (what it says), data-kind (done, failed, …)   a point
(() => {
  "use strict";
  const FEW = 40; // More circles than this are drawn smaller, so that those of one town stay apart.
  const COLOURS = { done: "--good", failed: "--warn", cancelled: "--bad" };
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function follow(element) {
    const source = document.querySelector(element.dataset.map);
    const empty = document.querySelector("[data-map-empty]");
    let map = null, layer = null, drawn = "";

    function open() {
      map = L.map(element, { attributionControl: false, zoomControl: false, fadeAnimation: false });
      L.control.zoom({ zoomInTitle: element.dataset.textIn, zoomOutTitle: element.dataset.textOut }).addTo(map);
      if (element.dataset.tiles) L.tileLayer(element.dataset.tiles, { maxZoom: 19 }).addTo(map);
      layer = L.featureGroup().addTo(map);
    }

    function draw() {
      const points = [...source.querySelectorAll("[data-latitude]")].map(({ dataset }) => dataset);
      const now = JSON.stringify(points);
      if (now === drawn) return;
      drawn = now;
      element.hidden = !points.length;
      if (empty) empty.hidden = Boolean(points.length);
      if (!points.length) return;
      if (!map) open();
      layer.clearLayers();
      for (const { latitude, longitude, point, kind } of points) {
        const stroke = colour(COLOURS[kind] ?? "--accent");
        const label = document.createElement("span");
        label.textContent = point;
        L.circleMarker([Number(latitude), Number(longitude)], { radius: points.length > FEW ? 5 : 9, weight: 2, color: stroke, fillOpacity: 0.5 })
          .bindPopup(label).addTo(layer);
      }
      map.fitBounds(layer.getBounds(), { maxZoom: 16, padding: [30, 30], animate: false });
    }

    new MutationObserver(draw).observe(source, { childList: true, subtree: true, attributes: true });
    draw();
  }

  for (const element of document.querySelectorAll("[data-map]")) follow(element);
})();
