# The image of `headlight submit --engine kubernetes` (`submit.image`), and of `docker run`:
#
#     docker build --tag headlight .
#     docker run --rm --volume "$PWD:/data" --user "$(id -u):$(id -g)" headlight run quickstart --out /data/runs
#
# With CUDA: --build-arg FEATURES=cuda --build-arg BASE=nvidia/cuda:12.9.1-runtime-ubuntu24.04

ARG BASE=debian:trixie-slim

FROM rust:1-slim-trixie AS build
ARG FEATURES=""
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked --features "$FEATURES" && cp target/release/headlight /headlight

# A shell and cmp are all that jobs need beside the binary, and every Debian has them.
FROM ${BASE}
COPY --from=build /headlight /usr/local/bin/headlight
COPY LICENSE-APACHE LICENSE-MIT /usr/share/doc/headlight/
# No name is needed for a user who owns nothing: Kubernetes sees that it is not root by the number.
USER 10001:10001
ENV HOME=/tmp
WORKDIR /data
ENTRYPOINT ["headlight"]
