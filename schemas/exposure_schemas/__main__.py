"""``python -m exposure_schemas``: write the JSON Schemas that are generated from the types."""

from pathlib import Path

import click

from exposure_schemas.json_schema import write_schemas

IN_THE_REPOSITORY = Path(__file__).resolve().parents[1] / "json"


@click.command(epilog="Example:  python -m exposure_schemas schemas/json")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), required=False)
def main(folder: Path | None) -> None:
    """Write the JSON Schema of each message type to FOLDER.

    In a checkout of the repository FOLDER may be left out: then schemas/json is refreshed.
    """
    if folder is None and not IN_THE_REPOSITORY.is_dir():
        raise click.UsageError("this is no checkout of the repository: say which FOLDER to write to")
    try:
        written = write_schemas(folder or IN_THE_REPOSITORY)
    except OSError as error:
        raise click.ClickException(f"cannot write the schemas: {error}") from error
    for file, changed in written.items():
        click.echo(f"{file}: {'written' if changed else 'as it was'}")


if __name__ == "__main__":
    main(prog_name="python -m exposure_schemas")
