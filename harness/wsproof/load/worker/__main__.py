"""`python -m wsproof.load.worker`: how the parent starts a worker process."""

from wsproof.load.worker.process import main

if __name__ == "__main__":
    main()
