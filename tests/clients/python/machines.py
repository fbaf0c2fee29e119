"""The library for Compute boots an image version in the emulator as a test does: VM, guest agent, run command, boot diagnostics, deletion."""

import time
import urllib.request

from azure.core.exceptions import ResourceNotFoundError
from azure.mgmt.compute import ComputeManagementClient

GROUP = "rg-avd"
NAME = "tst-1"
VERSION = "2024-07-01"


def steps(credential, subscription, emulator, refused):
    """The steps of the story, as functions without arguments."""
    client = ComputeManagementClient(
        credential,
        subscription,
        base_url=emulator,
        credential_scopes=[f"{emulator}/.default"],
        polling_interval=0,
        api_version=VERSION,
    )
    scope = f"/subscriptions/{subscription}/resourceGroups"
    image = f"{scope}/rg-images/providers/Microsoft.Compute/galleries/galContoso/images/win11-avd/versions/1.0.1"
    subnet = f"{scope}/{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet-avd/subnets/snet-hosts"
    # What the task asks for, but for the network interface, which Compute makes here by itself.
    machine = {
        "location": "westeurope",
        "tags": {"imageBuilderTask": "1.1.0"},
        "properties": {
            "hardwareProfile": {"vmSize": "Standard_D2ds_v5"},
            "storageProfile": {
                "imageReference": {"id": image},
                "osDisk": {"name": NAME, "createOption": "FromImage", "deleteOption": "Delete"},
            },
            "osProfile": {"computerName": "t1", "adminUsername": "imagetest", "adminPassword": "for-the-emulator-0nly"},
            "networkProfile": {
                "networkApiVersion": "2022-11-01",
                "networkInterfaceConfigurations": [
                    {
                        "name": NAME,
                        "properties": {
                            "deleteOption": "Delete",
                            "ipConfigurations": [{"name": "internal", "properties": {"subnet": {"id": subnet}}}],
                        },
                    }
                ],
            },
            "securityProfile": {"securityType": "TrustedLaunch", "uefiSettings": {"secureBootEnabled": True, "vTpmEnabled": True}},
            "diagnosticsProfile": {"bootDiagnostics": {"enabled": True}},
        },
    }
    command = {
        "location": "westeurope",
        "properties": {
            "source": {"script": "exit 0\n"},
            "asyncExecution": True,
            "timeoutInSeconds": 3600,
            "treatFailureAsDeploymentFailure": False,
            "protectedParameters": [{"name": "imageTestPackage", "value": "https://st.example/c/b?sig=secret"}],
        },
    }

    def boots_an_image_version():
        made = client.virtual_machines.begin_create_or_update(GROUP, NAME, machine).result()
        assert made.provisioning_state == "Succeeded", made
        assert made.os_profile.admin_password is None, made
        disk = made.storage_profile.os_disk
        assert disk.managed_disk.id.endswith(f"/disks/{NAME}") and disk.delete_option == "Delete", disk
        view = client.virtual_machines.get(GROUP, NAME, expand="instanceView").instance_view
        assert [one.code for one in view.statuses] == ["ProvisioningState/succeeded", "PowerState/running"], view
        assert view.vm_agent.statuses[0].display_status == "Ready", view.vm_agent

    def runs_a_command():
        commands = client.virtual_machine_run_commands
        commands.begin_create_or_update(GROUP, NAME, "imageTest", command).result()
        end = time.monotonic() + 10
        while (view := commands.get_by_virtual_machine(GROUP, NAME, "imageTest", expand="instanceView").instance_view).execution_state != "Succeeded":
            assert time.monotonic() < end, view
        assert view.exit_code == 0 and view.end_time, view
        shown = commands.get_by_virtual_machine(GROUP, NAME, "imageTest")
        assert shown.protected_parameters is None and shown.instance_view is None, shown
        assert [one.name for one in commands.list_by_virtual_machine(GROUP, NAME)] == ["imageTest"]

    def reads_the_boot_diagnostics():
        links = client.virtual_machines.retrieve_boot_diagnostics_data(GROUP, NAME, sas_uri_expiration_time_in_minutes=10)
        assert b"Linux version" in urllib.request.urlopen(links.serial_console_log_blob_uri).read()
        assert urllib.request.urlopen(links.console_screenshot_blob_uri).read().startswith(b"BM")

    def deletes_it_with_its_parts():
        client.virtual_machines.begin_delete(GROUP, NAME, force_deletion=True).result()
        refused(ResourceNotFoundError, lambda: client.virtual_machines.get(GROUP, NAME), "ResourceNotFound")
        refused(ResourceNotFoundError, lambda: client.virtual_machine_run_commands.get_by_virtual_machine(GROUP, NAME, "imageTest"), "ResourceNotFound")

    return [boots_an_image_version, runs_a_command, reads_the_boot_diagnostics, deletes_it_with_its_parts]
