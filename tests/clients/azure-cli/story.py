"""Azure CLI builds images in the emulator: sign in, templates from flags, from a file and from its own cache, run, outputs, cancel, delete; and it
reads every line of the documentation, and every template of the samples."""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.request

import desktops

EMULATOR = os.environ["AZURE_EMULATOR"]
SUBSCRIPTION = os.environ["AZURE_SUBSCRIPTION_ID"]
GROUP = "rg-images"
RESOURCES = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers"
UBUNTU = "Canonical:ubuntu-24_04-lts:server:latest"
DEFINITION = ["--gallery-name", "galContoso", "--gallery-image-definition", "ubuntu-2404"]


def az(words, *more):
    """What the command prints, read as JSON; None when it prints nothing."""
    done = subprocess.run(["az", *words.split(), *more, "--output", "json"], capture_output=True, text=True)
    assert done.returncode == 0, f"az {words} ended with {done.returncode}: {done.stderr}"
    return json.loads(done.stdout) if done.stdout.strip() else None


def refused(text, words, *more):
    done = subprocess.run(["az", *words.split(), *more], capture_output=True, text=True)
    assert done.returncode != 0, f"az {words} was not refused: {done.stdout}"
    assert text in done.stderr, f"'{text}' is not in {done.stderr}"


def builder(command, name, *more):
    return az(f"image builder {command} --resource-group {GROUP} --name {name}", *more)


def script_run(end):
    body = json.dumps({"end": end}).encode()
    urllib.request.urlopen(urllib.request.Request(f"{EMULATOR}/_emulator/runs", body)).close()


def signs_in():
    az("cloud register --name AzureEmulator --endpoint-resource-manager", EMULATOR)
    az("cloud set --name AzureEmulator")
    az("config set core.instance_discovery=false core.collect_telemetry=false")
    login = f"login --service-principal --username {os.environ['AZURE_CLIENT_ID']} --tenant {os.environ['AZURE_TENANT_ID']} --password"
    refused("AADSTS7000215", login, "wrong")
    accounts = az(login, os.environ["AZURE_CLIENT_SECRET"])
    assert [account["id"] for account in accounts] == [SUBSCRIPTION], accounts
    assert az("account get-access-token")["tenant"] == os.environ["AZURE_TENANT_ID"]


def reads_the_scene():
    assert az(f"group show --name {GROUP}")["location"] == "westeurope"
    assert az(f"identity show --resource-group {GROUP} --name id-image-builder")["principalId"]
    assert az("provider show --namespace Microsoft.VirtualMachineImages")["registrationState"] == "Registered"
    assert any(region["displayName"] == "West Europe" for region in az("account list-locations"))
    account = az(f"storage account show --resource-group {GROUP} --name stcontosoimages")
    assert account["primaryEndpoints"]["blob"] == os.environ["AZURE_EMULATOR_BLOBS"], account
    definition = az(f"sig image-definition show --resource-group {GROUP}", *DEFINITION)
    assert definition["osType"] == "Linux", definition


def uploads_a_script_and_lists_it():
    endpoint = ["--auth-mode", "login", "--blob-endpoint", os.environ["AZURE_EMULATOR_BLOBS"]]
    az("storage container create --name scripts", *endpoint)
    with tempfile.NamedTemporaryFile(suffix=".sh") as script:
        script.write(b"#!/bin/sh\necho hello\n")
        script.flush()
        az("storage blob upload --container-name scripts --name hello.sh --file", script.name, "--no-progress", *endpoint)
    blobs = az("storage blob list --container-name scripts", *endpoint)
    assert [(blob["name"], blob["properties"]["contentLength"]) for blob in blobs] == [("hello.sh", 21)], blobs


def creates_a_template_from_flags():
    # The identity of the template may read the blob, so its address needs no signature.
    made = builder(
        "create",
        "flags",
        *["--image-source", UBUNTU, "--identity", "id-image-builder", "--managed-image-destinations", "image=westeurope"],
        *["--scripts", os.environ["AZURE_EMULATOR_BLOBS"] + "scripts/hello.sh", "--build-timeout", "60", "--tags", "team=images"],
    )
    assert made["provisioningState"] == "Succeeded", made
    assert made["source"]["exactVersion"] == "24.04.202511110", made
    assert re.fullmatch("[0-9a-f]{64}", made["customize"][0]["sha256Checksum"]), made
    assert (made["tags"], made["buildTimeoutInMinutes"]) == ({"team": "images"}, 60), made


def creates_a_template_from_a_file():
    template = {
        "type": "Microsoft.VirtualMachineImages/imageTemplates",
        "apiVersion": "2023-07-01",
        "location": "westeurope",
        "tags": {"team": "images"},
        "identity": {
            "type": "UserAssigned",
            "userAssignedIdentities": {f"{RESOURCES}/Microsoft.ManagedIdentity/userAssignedIdentities/id-image-builder": {}},
        },
        "properties": {
            "source": dict(zip(("publisher", "offer", "sku", "version"), UBUNTU.split(":")), type="PlatformImage"),
            "customize": [{"type": "Shell", "name": "hello", "inline": ["echo hello"]}],
            "validate": {"inVMValidations": [{"type": "Shell", "name": "check", "inline": ["true"]}]},
            "distribute": [
                {
                    "type": "SharedImage",
                    "runOutputName": "gallery",
                    "galleryImageId": f"{RESOURCES}/Microsoft.Compute/galleries/galContoso/images/ubuntu-2404",
                    "targetRegions": [{"name": "westeurope"}, {"name": "North Europe", "replicaCount": 2}],
                }
            ],
        },
    }
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(template, file)
        file.flush()
        made = builder("create", "file", "--image-template", file.name)
    assert made["distribute"][0]["targetRegions"][1]["replicaCount"] == 2, made
    assert made["lastRunStatus"] is None, made


def builds_a_template_in_the_cache_and_sends_it():
    builder("create", "cache", "--image-source", UBUNTU, "--identity", "id-image-builder", "--defer")
    builder("customizer add", "cache", "--customizer-name", "hello", "--type", "shell", "--inline-script", "echo hello", "--defer")
    builder("output add", "cache", *DEFINITION, "--gallery-replication-regions", "northeurope", "--defer")
    builder("output add", "cache", "--is-vhd", "--output-name", "disk", "--defer")
    builder("validator add", "cache", "--continue-distribute-on-failure", "true", "--defer")
    builder("optimizer add", "cache", "--enable-vm-boot", "true", "--defer")
    builder("error-handler add", "cache", "--on-customizer-error", "abort", "--defer")
    refused("ResourceNotFound", f"image builder show --resource-group {GROUP} --name cache")
    made = builder("update", "cache")
    assert made["customize"][0]["inline"] == ["echo hello"], made
    assert [target["runOutputName"] for target in made["distribute"]] == ["ubuntu-2404", "disk"], made
    assert made["validate"]["continueDistributeOnFailure"] is True, made
    assert made["optimize"]["vmBoot"]["state"] == "Enabled", made
    assert made["errorHandling"]["onCustomizerError"] == "abort", made


def is_refused_a_change_of_a_template():
    refused("Conflict", f"image builder update --resource-group {GROUP} --name cache --set buildTimeoutInMinutes=30")


def runs_a_template():
    assert builder("run", "file") is None
    status = az(
        f"resource show --resource-group {GROUP} --name file --resource-type Microsoft.VirtualMachineImages/imageTemplates",
        *["--query", "properties.lastRunStatus"],
    )
    assert (status["runState"], status["message"]) == ("Succeeded", ""), status
    assert builder("show", "file")["lastRunStatus"]["runState"] == "Succeeded"


def runs_a_template_and_waits_apart():
    builder("run", "flags", "--no-wait")
    builder("wait", "flags", "--custom", "lastRunStatus.runState=='Succeeded'", "--interval", "1", "--timeout", "60")


def shows_what_runs_made():
    (output,) = builder("show-runs", "file")
    assert output["artifactId"].endswith("/images/ubuntu-2404/versions/1.0.0"), output
    image = builder("show-runs", "flags", "--output-name", "image")
    assert image["artifactId"] == f"{RESOURCES}/Microsoft.Compute/images/image", image
    assert az(f"image show --resource-group {GROUP} --name image")["hyperVGeneration"] == "V1"
    version = f"sig image-version show --resource-group {GROUP} --gallery-image-version 1.0.0 --expand ReplicationStatus"
    version = az(version, *DEFINITION)
    assert [region["name"] for region in version["publishingProfile"]["targetRegions"]] == ["West Europe", "North Europe"], version
    replication = version["replicationStatus"]
    assert replication["aggregatedState"] == "Completed", replication
    assert [region["region"] for region in replication["summary"]] == ["westeurope", "northeurope"], replication


def sees_a_run_fail():
    script_run("customizerFails")
    refused("Packer build logs are at location", f"image builder run --resource-group {GROUP} --name flags")
    assert builder("show", "flags")["lastRunStatus"]["runState"] == "Failed"


def cancels_a_run():
    script_run("neverEnds")
    builder("run", "flags", "--no-wait")
    refused("OperationNotAllowed", f"image builder delete --resource-group {GROUP} --name flags")
    builder("cancel", "flags")
    builder("wait", "flags", "--custom", "lastRunStatus.runState=='Canceled'", "--interval", "1", "--timeout", "60")
    refused("OperationNotAllowed", f"image builder cancel --resource-group {GROUP} --name flags")


def sees_a_submission_fail():
    refused(
        "Platform Image was not found",
        f"image builder create --resource-group {GROUP} --name failed --image-source a:b:c:latest --identity id-image-builder",
        *["--managed-image-destinations", "none=westeurope"],
    )
    assert builder("show", "failed")["provisioningError"]["provisioningErrorCode"] == "BadPIRSource"


def image_builder(action, **inputs):
    """Runs the task's program with these inputs, as docs/emulator.md says; what it said."""
    definition = f"{RESOURCES}/Microsoft.Compute/galleries/galContoso/images/ubuntu-2404"
    inputs = {"ibSubscription": "emulator", "action": action, "galleryImageId": definition, **inputs}
    given = {f"INPUT_{name.upper()}": str(value) for name, value in inputs.items()}
    done = subprocess.run([os.environ["IMAGE_BUILDER"], "run"], env={**os.environ, **given}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def sees_what_is_promoted_and_withdrawn():
    """Versions that Azure CLI made are promoted and withdrawn; Azure CLI sees it, and changes versions that the task has changed."""
    version = ["--resource-group", GROUP, *DEFINITION, "--gallery-image-version"]
    source = az("sig image-version show", *version, "1.0.0")["id"]
    create = "sig image-version create --location westeurope --target-regions westeurope northeurope --exclude-from-latest true --image-version"
    made = az(create, source, *version, "0.9.0")
    assert made["publishingProfile"]["excludeFromLatest"] is True, made
    az("sig image-version update --set publishingProfile.excludeFromLatest=true", *version, "1.0.0")
    said = image_builder("promote", imageVersionId=made["id"], galleryImageId="", endOfLifeInDays=30, artifactTags="owner=web team")
    assert "latest now:  0.9.0 in westeurope, northeurope" in said, said
    shown = az("sig image-version show", *version, "0.9.0")
    assert shown["publishingProfile"]["excludeFromLatest"] is False, shown
    assert shown["tags"]["owner"] == "web team" and shown["tags"]["promotedAt"], shown
    az("sig image-version update --set tags.audited=yes", *version, "0.9.0")
    said = image_builder(
        "withdraw", imageVersionId=made["id"], galleryImageId="", withdrawReason="an audit", releaseRegions="northeurope", withdrawLast="true"
    )
    assert "latest now:  0.9.0 in westeurope" in said, said
    shown = az("sig image-version show", *version, "0.9.0")
    flags = {region["name"]: region.get("excludeFromLatest") for region in shown["publishingProfile"]["targetRegions"]}
    assert flags["North Europe"] is True and not flags["West Europe"], flags
    assert (shown["tags"]["audited"], shown["tags"]["withdrawnReason"]) == ("yes", "an audit"), shown
    az("sig image-version update --set publishingProfile.excludeFromLatest=true", *version, "0.9.0")
    said = image_builder("promote", imageVersionId=source, galleryImageId="")
    assert "latest before:  none in westeurope, northeurope" in said or "latest before:  none in" in said, said
    assert az("sig image-version show", *version, "1.0.0")["publishingProfile"]["excludeFromLatest"] is False
    az("sig image-version delete", *version, "0.9.0")


def task(action, expected=0, **inputs):
    """Runs an action on an image template; what it said."""
    inputs = {"ibSubscription": "emulator", "ibAzureResourceGroup": GROUP, "action": action, **inputs}
    given = {f"INPUT_{name.upper()}": str(value) for name, value in inputs.items()}
    done = subprocess.run([os.environ["IMAGE_BUILDER"], "run"], env={**os.environ, **given}, capture_output=True, text=True)
    assert done.returncode == expected, f"{action} ended with {done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout


def submit(name):
    """Starts a build of the task, and leaves it."""
    said = task(
        "submit",
        templateName=name,
        ibLocation="westeurope",
        managedIdentity=f"{RESOURCES}/Microsoft.ManagedIdentity/userAssignedIdentities/id-image-builder",
        imageSource="marketplace",
        baseImagePubOfferSku=UBUNTU.removesuffix(":latest"),
        provisioner="shell",
        inlineScript="echo hello",
        distributeType="managedimage",
        imageIdForDistribute=f"{RESOURCES}/Microsoft.Compute/images/{name}",
        managedImageLocation="westeurope",
        vmSize="Standard_D2ds_v5",
    )
    assert "submitted: the build continues without this job" in said, said


def lets_the_task_wait_for_what_it_started():
    builder("run", "flags", "--no-wait")
    said = task("wait", templateName="flags")
    assert f"$(imageUri) =  {RESOURCES}/Microsoft.Compute/images/image" in said, said
    # Somebody else's template stays as it is, and is not canceled either.
    assert builder("show", "flags")["tags"] == {"team": "images"}
    assert "AIB803" in task("cancel", expected=1, templateName="flags")
    task("sweep", olderThanHours=1)
    assert builder("show", "flags")["provisioningState"] == "Succeeded"


def waits_for_what_the_task_started():
    submit("ours")
    assert "run template:  Running" in task("status", templateName="ours")
    builder("wait", "ours", "--custom", "lastRunStatus.runState=='Succeeded'", "--interval", "1", "--timeout", "60")
    tags = builder("show", "ours")["tags"]
    assert {"imageBuilderTask", "imageBuilderRun", "imageBuilderStep", "imageBuilderInputs", "imageBuilderMade"} <= set(tags), tags
    (output,) = builder("show-runs", "ours")
    assert output["artifactId"].endswith("/images/ours"), output
    said = task("wait", templateName="ours")
    assert f"$(imageUri) =  {output['artifactId']}" in said, said
    refused("ResourceNotFound", f"image builder show --resource-group {GROUP} --name ours")


def cancels_what_the_task_started():
    script_run("neverEnds")
    submit("ours")
    builder("cancel", "ours")
    said = task("wait", expected=1, templateName="ours")
    assert "AIB402" in said, said
    refused("ResourceNotFound", f"image builder show --resource-group {GROUP} --name ours")
    script_run("neverEnds")
    submit("ours")
    said = task("cancel", templateName="ours")
    assert "template and package are deleted" in said, said
    refused("ResourceNotFound", f"image builder show --resource-group {GROUP} --name ours")


def lists_what_retain_left():
    version = ["--resource-group", GROUP, *DEFINITION, "--gallery-image-version"]
    source = az("sig image-version show", *version, "1.0.0")["id"]
    az("sig image-version create --location westeurope --target-regions westeurope northeurope --image-version", source, *version, "1.0.1")
    az("sig image-version update --set tags.keep=yes", *version, "1.0.0")
    before = az(f"sig image-version list --resource-group {GROUP}", *DEFINITION)
    assert sorted(one["name"] for one in before) == ["1.0.0", "1.0.1"], before
    inputs = {"keepVersions": 0, "keepDays": 0, "retainPreview": "false"}
    said = image_builder("retain", **inputs)
    assert "image version 1.0.0:  kept, tag: it has tag 'keep'" in said, said
    az("sig image-version update --remove tags.keep", *version, "1.0.0")
    image_builder("retain", retainAction="exclude", **inputs)
    assert az("sig image-version show", *version, "1.0.0")["publishingProfile"]["excludeFromLatest"] is True
    image_builder("retain", **inputs)
    after = az(f"sig image-version list --resource-group {GROUP}", *DEFINITION)
    assert [one["name"] for one in after] == ["1.0.1"], after
    assert after[0]["publishingProfile"]["excludeFromLatest"] is False, after


def asks_for_a_state_as_the_page_says():
    properties = ["resource show --resource-type Microsoft.VirtualMachineImages/imageTemplates --name flags", "--resource-group", GROUP]
    properties += ["--api-version", "2025-10-01", "--query", "properties.lastRunStatus.runState"]
    assert az(*properties) == "Canceled"
    assert builder("show", "flags", "--query", "lastRunStatus.runState") == "Canceled"
    # The trap that the page speaks of.
    assert builder("show", "flags", "--query", "properties.lastRunStatus") is None


def succeeds(script):
    done = subprocess.run([sys.executable, pathlib.Path(__file__).with_name(script)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def knows_every_line_of_the_documentation():
    succeeds("lines.py")


def knows_every_member_of_the_samples():
    succeeds("templates.py")


def deletes_what_it_made():
    names = [template["name"] for template in az(f"image builder list --resource-group {GROUP}")]
    assert sorted(names) == ["cache", "failed", "file", "flags"], names
    for name in names:
        builder("delete", name)
    assert az("image builder list") == []
    refused("ResourceNotFound", f"image builder show --resource-group {GROUP} --name flags")
    az(f"sig image-version delete --resource-group {GROUP} --gallery-image-version 1.0.1 --no-wait", *DEFINITION)


STEPS = [
    signs_in,
    reads_the_scene,
    uploads_a_script_and_lists_it,
    creates_a_template_from_flags,
    creates_a_template_from_a_file,
    builds_a_template_in_the_cache_and_sends_it,
    is_refused_a_change_of_a_template,
    runs_a_template,
    runs_a_template_and_waits_apart,
    shows_what_runs_made,
    sees_a_run_fail,
    cancels_a_run,
    sees_what_is_promoted_and_withdrawn,
    lists_what_retain_left,
    asks_for_a_state_as_the_page_says,
    lets_the_task_wait_for_what_it_started,
    waits_for_what_the_task_started,
    cancels_what_the_task_started,
    knows_every_line_of_the_documentation,
    knows_every_member_of_the_samples,
    sees_a_submission_fail,
    deletes_what_it_made,
    *desktops.steps(az, image_builder),
]


def main():
    failed = 0
    for step in STEPS:
        start, name = time.monotonic(), step.__name__.replace("_", " ")
        try:
            step()
            line = f"passed: {name}"
        except Exception:  # Whatever goes wrong is the outcome of the step.
            failed += 1
            line = f"failed: {name}: {traceback.format_exc()}"
        print(f"{line} ({time.monotonic() - start:.1f} s)", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
