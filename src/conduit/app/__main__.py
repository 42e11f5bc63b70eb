"""``python -m conduit.app``: the program of a gateway, loaded without looking for garbage."""

from conduit.app import starting


def main() -> None:
    starting.begin()
    from conduit.app.gateway_process import main as gateway

    gateway()


if __name__ == "__main__":
    main()
