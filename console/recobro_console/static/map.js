// The map: circles at the positions that elements of the page name. The same facts stand in the page's table.
//   data-map="#list"       the map; it follows the points inside that element, and hides while there are none
//   data-tiles="https://…" the operator's map server; without it the background is plain
//   data-latitude, data-longitude, data-point (what it says), data-kind (done, failed, …)   a point
// Points that would touch each other are one circle with their number. It opens what it counts: a closer view, or
// where that shows no more, the list.
(() => {
  "use strict";
  const APART = 36, CLOSEST = 18, MOST_SAID = 20;
  const COLOURS = { done: "--good", failed: "--warn", cancelled: "--bad" };
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function gathered(map, points) {
    const groups = [];
    for (const point of points) {
      const at = map.project(point.at);
      const near = groups.find((group) => group.at.distanceTo(at) < APART);
      if (near) near.points.push(point);
      else groups.push({ at, points: [point] });
    }
    return groups.map((group) => group.points);
  }

  function said(points) {
    const list = document.createElement("div");
    for (const point of points.slice(0, MOST_SAID)) list.append(point.says, document.createElement("br"));
    if (points.length > MOST_SAID) list.append(`+ ${points.length - MOST_SAID}`);
    return list;
  }

  function single(point) {
    const stroke = colour(COLOURS[point.kind] ?? "--accent");
    return L.circleMarker(point.at, { radius: 9, weight: 2, color: stroke, fillOpacity: 0.5 }).bindPopup(said([point]));
  }

  function several(map, points) {
    const bounds = L.latLngBounds(points.map((point) => point.at));
    const html = document.createElement("span");
    html.textContent = points.length;
    const size = 26 + 6 * Math.floor(Math.log10(points.length));
    const marker = L.marker(points[0].at, { icon: L.divIcon({ className: "map-count", iconSize: [size, size], html }) });
    return marker.on("click keypress", (event) => {
      if (event.type === "keypress" && event.originalEvent.key !== "Enter") return;
      if (map.getZoom() < CLOSEST && !bounds.getNorthEast().equals(bounds.getSouthWest())) {
        map.getContainer().focus({ preventScroll: true });
        map.fitBounds(bounds, { maxZoom: CLOSEST, padding: [40, 40], animate: false });
      } else L.popup({ maxHeight: 240 }).setLatLng(points[0].at).setContent(said(points)).openOn(map);
    });
  }

  function follow(element) {
    const source = document.querySelector(element.dataset.map);
    const empty = document.querySelector("[data-map-empty]");
    let map = null, layer = null, drawn = "", points = [];

    function open() {
      map = L.map(element, { attributionControl: false, zoomControl: false, fadeAnimation: false, maxZoom: CLOSEST });
      L.control.zoom({ zoomInTitle: element.dataset.textIn, zoomOutTitle: element.dataset.textOut }).addTo(map);
      if (element.dataset.tiles) L.tileLayer(element.dataset.tiles, { maxZoom: 19 }).addTo(map);
      layer = L.featureGroup().addTo(map);
      map.on("zoomend", place);
    }

    function place() {
      layer.clearLayers();
      for (const group of gathered(map, points)) layer.addLayer(group.length > 1 ? several(map, group) : single(group[0]));
    }

    function draw() {
      const rows = [...source.querySelectorAll("[data-latitude]")].map(({ dataset }) => dataset);
      const now = JSON.stringify(rows);
      if (now === drawn) return;
      drawn = now;
      element.hidden = !rows.length;
      if (empty) empty.hidden = Boolean(rows.length);
      points = rows.map(({ latitude, longitude, point, kind }) => ({ at: L.latLng(latitude, longitude), says: point, kind }));
      if (!points.length) return;
      if (!map) open();
      map.fitBounds(L.latLngBounds(points.map(({ at }) => at)), { maxZoom: 16, padding: [30, 30], animate: false });
      place();
    }

    new MutationObserver(draw).observe(source, { childList: true, subtree: true, attributes: true });
    draw();
  }

  for (const element of document.querySelectorAll("[data-map]")) follow(element);
})();
