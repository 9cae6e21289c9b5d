# The command line of wsproof. In the folder of a project:
#
#     docker build --tag wsproof https://HOST/PATH/wsproof.git
#     docker run --rm --network host --volume "$PWD:/work" wsproof check ws://127.0.0.1:8000/ws
#
# An app that wsproof starts needs its packages in the image: FROM wsproof, and RUN pip install.
FROM python:3.12-slim AS build
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev
WORKDIR /src
COPY pyproject.toml hatch_build.py README.md CHANGELOG.md LICENSE ./
COPY harness/wsproof harness/wsproof
RUN python -m pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.12-slim
COPY constraints.txt /tmp/constraints.txt
COPY --from=build /wheels /wheels
RUN python -m pip install --no-cache-dir --constraint /tmp/constraints.txt "$(echo /wheels/*.whl)[locust]"
RUN useradd --create-home wsproof && mkdir /work && chown wsproof /work
USER wsproof
WORKDIR /work
ENTRYPOINT ["wsproof"]
CMD ["--help"]
