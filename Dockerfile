# The images of Recobro, a target each: one for every service, by its name, console and operations.
#
#   docker build --target portfolio --tag recobro/portfolio --build-arg REVISION="$(git rev-parse HEAD)" .
#
# The services share every layer below their own code.

# The minor version of Python that the tests run on. A tag of an official image is built again for every repair of its
# Debian, so no digest is written here, where it would keep the repairs out: whoever builds a release gives the one that
# was examined, --build-arg PYTHON_DIGEST=@sha256:…
ARG PYTHON=3.11.15-slim-trixie
ARG PYTHON_DIGEST=

FROM python:${PYTHON}${PYTHON_DIGEST} AS python


# What installs and builds; nothing of it gets into an image.
FROM python AS tools
WORKDIR /build
# Bytecode that is good whatever the times of the files are: a registry or a mirror may change them.
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 UV_NO_CACHE=1 UV_LINK_MODE=copy \
    PYC_INVALIDATION_MODE=UNCHECKED_HASH
COPY requirements/uv.txt requirements/build.txt requirements/
RUN python -m venv tools \
    && tools/bin/pip install --require-hashes -r requirements/uv.txt -r requirements/build.txt


FROM tools AS wheels
COPY libs libs
COPY services services
COPY cli cli
COPY console console
RUN tools/bin/pip wheel --no-deps --no-index --no-build-isolation --wheel-dir wheels/libs ./libs/* \
    && tools/bin/pip wheel --no-deps --no-index --no-build-isolation --wheel-dir wheels ./services/* ./cli ./console


FROM tools AS service-packages
COPY requirements/services.txt requirements/
RUN python -m venv --without-pip /opt/recobro \
    && tools/bin/uv pip sync --compile-bytecode --require-hashes --python /opt/recobro/bin/python \
        requirements/services.txt
COPY --from=wheels /build/wheels wheels
RUN tools/bin/uv pip install --compile-bytecode --no-deps --no-index --python /opt/recobro/bin/python \
        wheels/libs/*.whl \
    && for package in $(/opt/recobro/bin/python -c \
            'from recobro_platform import PROGRAMS; print(*(one.name.replace("-", "_") for one in PROGRAMS))'); do \
        tools/bin/uv pip install --compile-bytecode --no-deps --no-index --python /opt/recobro/bin/python \
            --target "packages/$package" wheels/recobro_"$package"-*.whl || exit 1; \
    done


FROM tools AS operations-packages
COPY requirements/runtime.txt requirements/
RUN python -m venv --without-pip /opt/recobro \
    && tools/bin/uv pip sync --compile-bytecode --require-hashes --python /opt/recobro/bin/python \
        requirements/runtime.txt
COPY --from=wheels /build/wheels wheels
RUN tools/bin/uv pip install --compile-bytecode --no-deps --no-index --python /opt/recobro/bin/python \
        wheels/libs/*.whl wheels/*.whl


# What every image is: Python without its installers, with all of the standard library compiled, for its official image
# brings none of that and a container may not write it. Nothing runs as root, nothing needs to write but in /tmp.
FROM python AS runtime
RUN rm -rf /usr/local/bin/pip* /usr/local/bin/wheel /usr/local/lib/python3*/ensurepip \
        /usr/local/lib/python3*/site-packages/* \
    && python -m compileall -q --invalidation-mode unchecked-hash /usr/local/lib/python3* \
    && install -d -o 10001 -g 10001 /var/lib/recobro
ENV PATH=/opt/recobro/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONSAFEPATH=1 PYTHONUNBUFFERED=1 HOME=/tmp
WORKDIR /var/lib/recobro
USER 10001:10001
STOPSIGNAL SIGTERM
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.vendor="Recobro" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"


# HEALTH_URL is what a container is asked; it has to follow when RECOBRO_PORT_BASE is changed.
FROM runtime AS service
COPY --from=service-packages /opt/recobro /opt/recobro
ENV PYTHONPATH=/opt/recobro/service RECOBRO_HOST=0.0.0.0
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["python", "-c", "import os, urllib.request as web; \
    web.build_opener(web.ProxyHandler({})).open(os.environ['HEALTH_URL'], timeout=4)"]


FROM service AS portfolio
LABEL org.opencontainers.image.title="Recobro portfolio"
COPY --from=service-packages /build/packages/portfolio /opt/recobro/service
ENV HEALTH_URL=http://127.0.0.1:8001/livez
EXPOSE 8001
ENTRYPOINT ["python", "-P", "-m", "portfolio"]
CMD ["all"]


FROM service AS assignment
LABEL org.opencontainers.image.title="Recobro assignment"
COPY --from=service-packages /build/packages/assignment /opt/recobro/service
ENV HEALTH_URL=http://127.0.0.1:8002/livez
EXPOSE 8002
ENTRYPOINT ["python", "-P", "-m", "assignment"]
CMD ["all"]


FROM service AS dialer-feed
LABEL org.opencontainers.image.title="Recobro dialer-feed"
COPY --from=service-packages /build/packages/dialer_feed /opt/recobro/service
ENV HEALTH_URL=http://127.0.0.1:8003/livez
EXPOSE 8003
ENTRYPOINT ["python", "-P", "-m", "dialer_feed"]
CMD ["all"]


FROM service AS field-visits
LABEL org.opencontainers.image.title="Recobro field-visits"
COPY --from=service-packages /build/packages/field_visits /opt/recobro/service
ENV HEALTH_URL=http://127.0.0.1:8004/livez
EXPOSE 8004
ENTRYPOINT ["python", "-P", "-m", "field_visits"]
CMD ["all"]


FROM service AS promises
LABEL org.opencontainers.image.title="Recobro promises"
COPY --from=service-packages /build/packages/promises /opt/recobro/service
ENV HEALTH_URL=http://127.0.0.1:8005/livez
EXPOSE 8005
ENTRYPOINT ["python", "-P", "-m", "promises"]
CMD ["all"]


FROM service AS console
LABEL org.opencontainers.image.title="Recobro console"
COPY --from=service-packages /build/packages/console /opt/recobro/service
ENV HEALTH_URL=http://127.0.0.1:8000/livez
EXPOSE 8000
ENTRYPOINT ["python", "-P", "-m", "recobro_console"]
CMD ["all"]


# The command `recobro`. It serves nothing, so there is nothing to ask it.
FROM runtime AS operations
LABEL org.opencontainers.image.title="Recobro operations"
COPY --from=operations-packages /opt/recobro /opt/recobro
ENV RECOBRO_DATA=/var/lib/recobro
HEALTHCHECK NONE
ENTRYPOINT ["recobro"]
CMD ["--help"]
