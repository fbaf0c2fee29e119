"""Compares the bodies in the samples' templates with the models of Azure's libraries: no member that the service does not know."""

import enum
import importlib
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities"
MODELS = {
    IDENTITY: ("msi", "Identity"),
    f"{IDENTITY}/federatedIdentityCredentials": ("msi", "FederatedIdentityCredential"),
    "Microsoft.Authorization/roleAssignments": ("authorization", "RoleAssignmentCreateParameters"),
    "Microsoft.Authorization/roleDefinitions": ("authorization", "RoleDefinition"),
    "Microsoft.Compute/galleries": ("compute", "Gallery"),
    "Microsoft.Compute/galleries/images": ("compute", "GalleryImage"),
    "Microsoft.Compute/virtualMachines": ("compute", "VirtualMachine"),
    "Microsoft.Compute/virtualMachines/extensions": ("compute", "VirtualMachineExtension"),
    # Of a preview version, which the library does not have: tests/it/documents/templates.rs compares these with the definition.
    "Microsoft.DesktopVirtualization/hostPools": None,
    "Microsoft.DesktopVirtualization/hostPools/sessionHostConfigurations": None,
    "Microsoft.DesktopVirtualization/hostPools/sessionHostManagements": None,
    "Microsoft.DesktopVirtualization/applicationGroups": ("desktopvirtualization", "ApplicationGroup"),
    "Microsoft.DesktopVirtualization/workspaces": ("desktopvirtualization", "Workspace"),
    "Microsoft.Insights/actionGroups": ("monitor", "ActionGroupResource"),
    "Microsoft.Insights/activityLogAlerts": ("monitor", "ActivityLogAlertResource"),
    "Microsoft.KeyVault/vaults": ("keyvault", "VaultCreateOrUpdateParameters"),
    "Microsoft.KeyVault/vaults/secrets": ("keyvault", "SecretCreateOrUpdateParameters"),
    "Microsoft.Network/natGateways": ("network", "NatGateway"),
    "Microsoft.Network/networkInterfaces": ("network", "NetworkInterface"),
    "Microsoft.Network/networkSecurityGroups": ("network", "NetworkSecurityGroup"),
    "Microsoft.Network/publicIPAddresses": ("network", "PublicIPAddress"),
    "Microsoft.Network/virtualNetworks": ("network", "VirtualNetwork"),
    "Microsoft.Storage/storageAccounts": ("storage", "StorageAccountCreateParameters"),
}
# A resource of a template has these besides what is sent to the provider.
OF_TEMPLATES = {"type", "apiVersion", "name", "dependsOn", "condition", "copy", "scope"}


def members(model):
    """The members on the wire, each with the name of its type, or with members of its own."""
    if hasattr(model, "_attribute_map"):
        found = {}
        for entry in model._attribute_map.values():
            # A dot stands for a level that the model leaves out.
            *outer, last = [part.replace("\\.", ".") for part in re.split(r"(?<!\\)\.", entry["key"])]
            level = found
            for part in outer:
                level = level.setdefault(part, {})
            level[last] = entry["type"]
        return found
    if issubclass(model, enum.Enum):
        return {}
    # The newer models fill in their fields when the first one is made.
    model()
    types, found = {}, {}
    for parent in reversed(model.__mro__):
        types.update(parent.__dict__.get("__annotations__") or {})
        for attribute, field in parent.__dict__.get("_attr_to_rest_field", {}).items():
            found[field._rest_name] = str(types.get(attribute, ""))
    return found


def model_named(module, text):
    """The model in a type's text, such as `Optional[list["_models.Subnet"]]`."""
    names = [name for name in re.findall(r"[A-Z]\w+", text) if isinstance(getattr(module, name, None), type)]
    return getattr(module, names[-1]) if names else None


def check(value, known, module, path):
    """Yields every member that is not known."""
    if isinstance(value, list):
        for item in value:
            yield from check(item, known, module, path)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name not in known:
                yield f"{path}.{name}"
                continue
            kind = known[name]
            model = model_named(module, kind) if isinstance(kind, str) else None
            inside = members(model) if model else kind if isinstance(kind, dict) else {}
            # A type without members is free text, a number or a map.
            if inside:
                yield from check(inner, inside, module, f"{path}.{name}")


def resources(template):
    for resource in template["resources"]:
        if resource["type"] == "Microsoft.Resources/deployments":
            yield from resources(resource["properties"]["template"])
        elif resource["type"] != "Microsoft.Resources/resourceGroups":
            yield resource


def unknown(template):
    for resource in resources(template):
        if MODELS[resource["type"]] is None:
            continue
        library, name = MODELS[resource["type"]]
        module = importlib.import_module(f"azure.mgmt.{library}.models")
        body = {name: value for name, value in resource.items() if name not in OF_TEMPLATES}
        yield from check(body, members(getattr(module, name)), module, resource["type"])


def main():
    problems = []
    files = [file for file in sorted((ROOT / "samples").rglob("*.json")) if "resources" in json.loads(file.read_text())]
    assert len(files) >= 4, files
    for file in files:
        problems += [f"{file.relative_to(ROOT)}: {path}" for path in unknown(json.loads(file.read_text()))]
    # The check itself: each of these is a misspelt member.
    for file, right, wrong in [
        ("setup/main.json", "allowSharedKeyAccess", "allowSharedKeys"),
        ("setup/main.json", "principalType", "principleType"),
        ("host-pools/session-hosts.json", "securityType", "security"),
        ("private-network/network.json", "serviceName", "service"),
        ("alert/alert.json", "actionGroupId", "groupId"),
        ("seed/desktops.json", "hostPoolArmPath", "hostPool"),
        ("seed/desktops.json", "enableRbacAuthorization", "rbac"),
    ]:
        text = (ROOT / "samples" / file).read_text()
        assert list(unknown(json.loads(text.replace(f'"{right}"', f'"{wrong}"')))), wrong
    print("\n".join(problems) or f"{len(files)} templates have no member that is not known")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
