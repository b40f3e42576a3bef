# The exporter as an image, for amd64 and arm64:
#
#   docker buildx build --platform linux/amd64,linux/arm64 --tag registry.example.com/pullproof:0.1.0 --push .
#
# Any base with Python 3.11 or newer, its venv module and pip's wheels (glibc) will do. A tag moves:
# to build the same thing again, give the digest that your registry has for it:
#
#   docker buildx imagetools inspect python:3.13-slim-bookworm
#   docker buildx build --build-arg BASE=python:3.13-slim-bookworm@sha256:… .
#
# A package index of one's own goes in as a pip.conf, and the authority that signs it beside it. They
# are secrets of one step and stay out of every layer:
#
#   docker buildx build --secret id=pip,src=pip.conf --secret id=ca,src=ca.pem .
ARG BASE=docker.io/library/python:3.13-slim-bookworm

FROM ${BASE} AS python
# Images of Python come without compiled bytecode, and a read-only root cannot keep any: every start
# would compile what it imports. Unchecked, because builders change the times that are compared.
RUN python3 -m compileall -q --invalidation-mode unchecked-hash -x '/(test|tests|idlelib|lib2to3|ensurepip|turtledemo)/' \
      "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"

FROM python AS build
# Reads buckets, unpacks layers. `facts` of shards needs pyarrow and duckdb, which double the image:
# EXTRAS=s3,zstd,facts.
ARG EXTRAS=s3,zstd
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY requirements requirements
COPY exporter exporter
COPY docs docs
# Nothing is installed but what requirements/ names by its hash (scripts/lock writes that).
# A second Python brings pip, so that none is in the environment that is shipped. Half of that would be
# what nothing here imports: tests of libraries, the second client of Kubernetes, bytecode of its models.
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    python3 -m venv /pip \
 && python3 -m venv --without-pip /opt/pullproof \
 && case ",${EXTRAS}," in *,facts,*) lock=all ;; *) lock=image ;; esac \
 && /pip/bin/python -m pip download --no-cache-dir --require-hashes --only-binary :all: --dest /wheels \
      -r "requirements/$lock.txt" -r requirements/build.txt \
 && /pip/bin/python -m pip --python /opt/pullproof/bin/python install --no-index --find-links /wheels --no-compile \
      ".[${EXTRAS}]" \
 && find /opt/pullproof -type d '(' -name tests -o -path '*/kubernetes/aio' ')' -prune -exec rm -r {} + \
 && /opt/pullproof/bin/python -m compileall -q --invalidation-mode unchecked-hash -x '/kubernetes/client/(api|models)/[^_]' \
      /opt/pullproof/lib

FROM python
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="pullproof" \
      org.opencontainers.image.description="Proves that every image a cluster may need can still be pulled, and says what a garbage collection would break." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /opt/pullproof /opt/pullproof
# A volume that is mounted here for the first time takes this owner over.
RUN install -d -o 65532 -g 65532 -m 0750 /var/lib/pullproof
# Blobs of memory above a mebibyte go back to the system when they are freed, instead of staying in
# the heap between two audits: at 20,000 tags that is 35 MB less. Nor has each thread a heap of its
# own, which would keep what one audit needed at most.
ENV MALLOC_MMAP_THRESHOLD_=1048576 \
    MALLOC_ARENA_MAX=2 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PATH=/opt/pullproof/bin:$PATH
USER 65532:65532
WORKDIR /var/lib/pullproof
EXPOSE 10470
# Any answer will do, also the refusal that a TLS port gives: it says that the loop turns.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
  CMD ["python3", "-ISc", "import socket; s = socket.create_connection(('127.0.0.1', 10470), 4); s.sendall(b'GET /-/healthy HTTP/1.0\\r\\n\\r\\n'); s.recv(1)"]
ENTRYPOINT ["pullproof"]
CMD ["serve", "--config", "/etc/pullproof/pullproof.yml"]
