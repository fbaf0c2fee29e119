"""Azure CLI works with host pools in the emulator: VMs behind session hosts, their tags, new hosts by the template of the samples, a session host update."""

import datetime
import json
import os
import pathlib
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
EMULATOR = os.environ["AZURE_EMULATOR"]
GROUP = "rg-avd"
SCOPE = f"/subscriptions/{os.environ['AZURE_SUBSCRIPTION_ID']}/resourceGroups"
POOLS = f"{SCOPE}/{GROUP}/providers/Microsoft.DesktopVirtualization/hostPools"
VERSION = f"{SCOPE}/rg-images/providers/Microsoft.Compute/galleries/galContoso/images/win11-avd/versions/1.0.1"
PREVIEW = "2026-04-01-preview"


def steps(az, image_builder):
    """The steps of the story, as functions without arguments."""

    def rest(method, path, body=None):
        url = f"{EMULATOR}{path}?api-version={PREVIEW}"
        given = ["--body", json.dumps(body)] if body else []
        return az(f"rest --method {method} --resource {EMULATOR} --url", url, *given)

    def hosts(pool):
        """Name, status and image of each host."""
        found = rest("get", f"{POOLS}/{pool}/sessionHosts")["value"]
        return {host["name"].split("/")[1]: host["properties"]["status"] for host in found}

    def stops_and_starts_a_machine():
        machine = ["--resource-group", GROUP, "--name", "stg-0"]
        az("vm deallocate", *machine)
        view = az("vm get-instance-view", *machine)["instanceView"]
        assert view["statuses"][1]["code"] == "PowerState/deallocated", view
        assert hosts("hp-staging")["stg-0"] == "Shutdown"
        az("vm start", *machine)
        assert az("vm get-instance-view", *machine)["instanceView"]["statuses"][1]["code"] == "PowerState/running"

    def runs_a_command_in_a_machine():
        command = ["--resource-group", GROUP, "--vm-name", "stg-0", "--run-command-name", "imageTest"]
        az("vm run-command create --async-execution true --timeout-in-seconds 600 --script", "exit 0", *command)
        end = time.monotonic() + 30
        while (view := az("vm run-command show --instance-view", *command)["instanceView"])["executionState"] != "Succeeded":
            assert time.monotonic() < end, view
        assert view["exitCode"] == 0, view

    def tags_a_machine():
        machine = f"{SCOPE}/{GROUP}/providers/Microsoft.Compute/virtualMachines/stg-1"
        az("tag update --operation merge --tags imageRollout=replaced-by:1.0.1 --resource-id", machine)
        assert az("vm show --ids", machine)["tags"] == {"imageRollout": "replaced-by:1.0.1"}

    def deploys_new_hosts_by_the_template_of_the_samples():
        expires = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=4)
        info = {"expirationTime": expires.strftime("%Y-%m-%dT%H:%M:%SZ"), "registrationTokenOperation": "Update"}
        pool = rest("patch", f"{POOLS}/hp-staging", {"properties": {"registrationInfo": info}})
        token = pool["properties"]["registrationInfo"]["token"]
        parameters = ["namePrefix=new", "count=2", f"imageVersionId={VERSION}", "hostPoolName=hp-staging"]
        parameters += [f"registrationToken={token}", "subnetId=/subnet", "adminPassword=for-the-emulator-0nly"]
        template = ROOT / "samples" / "host-pools" / "session-hosts.json"
        name = ["--resource-group", GROUP, "--name", "image-rollout-1"]
        done = az("deployment group create", *name, "--template-file", str(template), "--parameters", *parameters)
        assert done["properties"]["provisioningState"] == "Succeeded", done
        assert "value" not in done["properties"]["parameters"]["registrationToken"], done
        operations = az("deployment operation group list", *name)
        assert {one["properties"]["provisioningState"] for one in operations} == {"Succeeded"}, operations
        assert {"new-0", "new-1"} <= set(hosts("hp-staging"))

    def deletes_a_machine_with_its_parts():
        az(f"vm delete --resource-group {GROUP} --name new-1 --yes")
        names = [one["name"] for one in az(f"resource list --resource-group {GROUP}")]
        assert not [name for name in names if "new-1" in name], names
        # The registration stays until somebody removes it.
        assert hosts("hp-staging")["new-1"] == "Unavailable"

    def updates_an_automated_pool():
        image = {"imageInfo": {"type": "Custom", "customInfo": {"resourceId": VERSION}}}
        rest("patch", f"{POOLS}/hp-production/sessionHostConfigurations/default", {"properties": image})
        end = time.monotonic() + 30
        while "Succeeded" not in (state := state_of_configuration()):
            assert time.monotonic() < end, state
        management = f"{POOLS}/hp-production/sessionHostManagements/default"
        assert rest("post", f"{management}/initiateSessionHostUpdate", {"update": {"maxVmsRemoved": 3}}) is None
        end = time.monotonic() + 60
        while not (status := shown(f"{management}/sessionHostUpdateStatuses/default")) or status["status"] != "Succeeded":
            assert time.monotonic() < end, status
        machine = rest("get", f"{POOLS}/hp-production/sessionHosts/avd-0")["properties"]["resourceId"]
        assert az("vm show --ids", machine)["storageProfile"]["imageReference"]["id"] == VERSION

    def state_of_configuration():
        found = rest("get", f"{POOLS}/hp-production/sessionHostConfigurations/default")["properties"]
        return [found["provisioningState"]] if found["imageInfo"]["customInfo"]["resourceId"] == VERSION else []

    def shown(path):
        """The status, once there is one."""
        try:
            return rest("get", path)
        except AssertionError as refusal:
            assert "SessionHostUpdate does not exist" in str(refusal), refusal
            return None

    def shows_a_host_pool_and_retrieves_its_token():
        # The extension desktopvirtualization sends the same requests.
        pool = az(f"resource show --api-version 2025-10-10 --ids {POOLS}/hp-staging")
        assert (pool["name"], pool["properties"]["hostPoolType"]) == ("hp-staging", "Pooled"), pool
        assert rest("post", f"{POOLS}/hp-staging/retrieveRegistrationToken")["token"]

    def the_task_sees_what_was_updated():
        definition = VERSION.split("/versions/")[0]
        pool = f"{POOLS}/hp-production"
        said = image_builder("report", galleryImageId=definition, reportHostPools=pool, failWhen="unknownImage")
        assert "host pool hp-production:  4 session hosts, " in said and "1.0.1    4 " in said, said
        said = image_builder("rollout", galleryImageId="", hostPoolId=pool, imageVersionId=VERSION)
        assert "nothing to do" in said, said

    return [
        stops_and_starts_a_machine,
        runs_a_command_in_a_machine,
        tags_a_machine,
        deploys_new_hosts_by_the_template_of_the_samples,
        shows_a_host_pool_and_retrieves_its_token,
        deletes_a_machine_with_its_parts,
        updates_an_automated_pool,
        the_task_sees_what_was_updated,
    ]
