# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# The image, for those who have a container engine; scripts/image makes the same files without one.
FROM debian:12 AS build
WORKDIR /src
COPY . .
RUN scripts/setup && make -j"$(nproc)" all && scripts/image --root /image

FROM scratch
COPY --from=build /image/ /
ENV PATH=/usr/sbin:/usr/bin
ENTRYPOINT ["/usr/sbin/aegressd"]
