"""Entry point of `python -m wsproof.load.worker`: runs a worker process."""

from wsproof.load.worker.process import main

if __name__ == "__main__":
    main()
