"""A library that is not ours reads the documents that the task writes about what an image holds: its strict validator, and its package URLs."""

import json
import pathlib

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

DOCUMENTS = pathlib.Path(__file__).resolve().parents[2] / "golden" / "sbom"


def wrong_with(path):
    """What is wrong with a document, line by line."""
    text = path.read_text()
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if error:
        yield f"it is not valid: {error}"
    document = json.loads(text)
    references = [document["metadata"]["component"]["bom-ref"], *(it["bom-ref"] for it in document["components"])]
    if len(set(references)) != len(references):
        yield "two components have one reference"
    for component in document["components"]:
        text = component.get("purl")
        if text is None:
            continue
        url = PackageURL.from_string(text)
        # `to_string` writes the canonical form, but for colons, which the specification leaves as they are.
        if url.to_string().replace("%3A", ":") != text:
            yield f"{text} is not canonical: {url.to_string()}"
        version = component["version"].partition(":")[2] if url.type == "rpm" and "epoch" in url.qualifiers else component["version"]
        if (url.name, url.version) != (component["name"], version) and url.type != "pypi":
            yield f"{text} is not about {component['name']} {component['version']}"


def documents_about_images_are_valid_for_cyclonedx():
    paths = sorted(DOCUMENTS.glob("*.cdx.json"))
    assert len(paths) >= 2, paths
    wrong = [f"{path.name}: {what}" for path in paths for what in wrong_with(path)]
    assert not wrong, "\n".join(wrong)


if __name__ == "__main__":
    documents_about_images_are_valid_for_cyclonedx()
