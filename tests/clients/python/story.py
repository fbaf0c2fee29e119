"""Microsoft's Python libraries build an image in the emulator: upload a script, submit a template that fetches it, run, read outputs, delete."""

import datetime
import json
import logging
import os
import re
import signal
import subprocess
import sys
import time
import traceback
import urllib.request

import junitparser
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.identity import AzurePipelinesCredential, ClientSecretCredential
from azure.mgmt.compute import ComputeManagementClient
from azure.mgmt.compute import models as of_compute
from azure.mgmt.imagebuilder import ImageBuilderClient, models
from azure.storage.blob import BlobBlock, BlobClient, BlobSasPermissions, BlobServiceClient, generate_blob_sas

import desktops
import machines
import sbom

EMULATOR = os.environ["AZURE_EMULATOR"]
SUBSCRIPTION = os.environ["AZURE_SUBSCRIPTION_ID"]
GROUP = "rg-images"
RESOURCES = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers"
CONTENT = b"#!/bin/sh\necho hello\n" * 200

# Refusals are part of the story, so the libraries need not warn of them.
logging.getLogger("azure").setLevel(logging.CRITICAL)
credential = ClientSecretCredential(
    os.environ["AZURE_TENANT_ID"],
    os.environ["AZURE_CLIENT_ID"],
    os.environ["AZURE_CLIENT_SECRET"],
    # The library would ask the public cloud whether this authority is one of its own.
    disable_instance_discovery=True,
)
templates = ImageBuilderClient(
    credential,
    SUBSCRIPTION,
    base_url=EMULATOR,
    credential_scopes=[f"{EMULATOR}/.default"],
    # The library polls every 30 seconds unless the service or the caller says otherwise.
    polling_interval=0,
).virtual_machine_image_templates
versions = ComputeManagementClient(
    credential, SUBSCRIPTION, base_url=EMULATOR, credential_scopes=[f"{EMULATOR}/.default"], polling_interval=0
).gallery_image_versions
DEFINITION = (GROUP, "galContoso", "ubuntu-2404")
blobs = BlobServiceClient(
    os.environ["AZURE_EMULATOR_BLOBS"], credential=credential, max_single_put_size=1, max_block_size=1024
)
container = blobs.get_container_client("scripts")
script = container.get_blob_client("hello.sh")


def template(**changes):
    properties = {
        "source": models.ImageTemplatePlatformImageSource(
            publisher="Canonical", offer="ubuntu-24_04-lts", sku="server", version="latest"
        ),
        "customize": [models.ImageTemplateShellCustomizer(name="hello", script_uri=script_url())],
        "distribute": [
            models.ImageTemplateSharedImageDistributor(
                run_output_name="gallery",
                gallery_image_id=f"{RESOURCES}/Microsoft.Compute/galleries/galContoso/images/ubuntu-2404",
                target_regions=[models.TargetRegion(name="westeurope", replica_count=1)],
            ),
            models.ImageTemplateManagedImageDistributor(
                run_output_name="image", image_id=f"{RESOURCES}/Microsoft.Compute/images/python", location="westeurope"
            ),
        ],
        "error_handling": models.ImageTemplatePropertiesErrorHandling(on_customizer_error="abort"),
        "build_timeout_in_minutes": 60,
    }
    identity = f"{RESOURCES}/Microsoft.ManagedIdentity/userAssignedIdentities/id-image-builder"
    return models.ImageTemplate(
        location="West Europe",
        identity=models.ImageTemplateIdentity(
            type="UserAssigned", user_assigned_identities={identity: models.UserAssignedIdentity()}
        ),
        properties=models.ImageTemplateProperties(**properties | changes),
    )


def script_url():
    """The script's address, signed with a user delegation key."""
    now = datetime.datetime.now(datetime.timezone.utc)
    expiry = now + datetime.timedelta(hours=1)
    key = blobs.get_user_delegation_key(now - datetime.timedelta(minutes=5), expiry)
    signature = generate_blob_sas(
        blobs.account_name,
        container.container_name,
        script.blob_name,
        user_delegation_key=key,
        permission=BlobSasPermissions(read=True),
        expiry=expiry,
        protocol="https",
    )
    return f"{script.url}?{signature}"


def script_run(end):
    body = json.dumps({"end": end}).encode()
    urllib.request.urlopen(urllib.request.Request(f"{EMULATOR}/_emulator/runs", body)).close()


def refused(error, call, code=None, text=""):
    try:
        call()
    except error as refusal:
        found = refusal.error.code if getattr(refusal, "error", None) else None
        assert code in (None, found), f"code {found} instead of {code}: {refusal}"
        assert text in str(refusal), f"'{text}' is not in {refusal}"
        return
    raise AssertionError("the call was not refused")


def signs_in_with_a_service_connection_of_azure_pipelines():
    def token(connection):
        return AzurePipelinesCredential(
            tenant_id=os.environ["AZURESUBSCRIPTION_TENANT_ID"],
            client_id=os.environ["AZURESUBSCRIPTION_CLIENT_ID"],
            service_connection_id=connection,
            system_access_token=os.environ["SYSTEM_ACCESSTOKEN"],
            disable_instance_discovery=True,
        ).get_token(f"{EMULATOR}/.default")

    assert token(os.environ["AZURESUBSCRIPTION_SERVICE_CONNECTION_ID"]).expires_on > time.time()
    stranger = "00000000-0000-4000-8000-000000000000"
    refused(ClientAuthenticationError, lambda: token(stranger), text="not authorized for this job")


def uploads_a_blob_in_blocks():
    container.create_container()
    script.upload_blob(CONTENT, max_concurrency=2)
    committed, _ = script.get_block_list()
    assert len(committed) == -(-len(CONTENT) // 1024)


def stages_blocks_and_commits_them_in_another_order():
    blob = container.get_blob_client("parts.txt")
    blob.stage_block("block-1", b"world")
    blob.stage_block("block-2", b"hello ")
    blob.commit_block_list([BlobBlock("block-2"), BlobBlock("block-1")])
    assert blob.download_blob().readall() == b"hello world"
    assert blob.download_blob(offset=6, length=3).readall() == b"wor"


def signs_with_a_user_delegation_key_and_reads_with_that_alone():
    url = script_url()
    assert BlobClient.from_blob_url(url).download_blob().readall() == CONTENT
    forged = re.sub("sig=[^&]{4}", "sig=AAAA", url)
    refused(HttpResponseError, lambda: BlobClient.from_blob_url(forged).download_blob(), text="AuthenticationFailed")
    refused(HttpResponseError, lambda: BlobClient.from_blob_url(url).delete_blob(), text="AuthorizationPermissionMismatch")


def lists_blobs_in_pages():
    pages = container.list_blobs(results_per_page=1).by_page()
    assert [[blob.name for blob in page] for page in pages] == [["hello.sh"], ["parts.txt"]]


def creates_a_template_that_fetches_the_script():
    made = templates.begin_create_or_update(GROUP, "python", template()).result().properties
    assert made.provisioning_state == "Succeeded", made
    assert re.fullmatch("[0-9a-f]{64}", made.customize[0].sha256_checksum), made
    assert made.last_run_status is None, made


def is_refused_a_second_template_of_the_name():
    refused(
        (HttpResponseError, ResourceExistsError),
        lambda: templates.begin_create_or_update(GROUP, "python", template()),
        "Conflict",
    )


def is_refused_a_wrong_template():
    wrong = template(build_timeout_in_minutes=961)
    refused(HttpResponseError, lambda: templates.begin_create_or_update(GROUP, "wrong", wrong), "ValidationFailed")


def sees_a_submission_fail():
    source = models.ImageTemplatePlatformImageSource(publisher="a", offer="b", sku="c", version="latest")
    poller = templates.begin_create_or_update(GROUP, "failed", template(source=source))
    refused(HttpResponseError, poller.result, text="Platform Image was not found")
    failed = templates.get(GROUP, "failed").properties
    assert (failed.provisioning_state, failed.provisioning_error.provisioning_error_code) == ("Failed", "BadPIRSource")
    templates.begin_delete(GROUP, "failed").result()


def runs_the_template():
    poller = templates.begin_run(GROUP, "python")
    poller.result()
    assert poller.status() == "Succeeded"
    status = templates.get(GROUP, "python").properties.last_run_status
    assert (status.run_state, status.message) == ("Succeeded", ""), status
    assert status.end_time > status.start_time, status


def lists_the_outputs():
    outputs = {output.name: output.properties for output in templates.list_run_outputs(GROUP, "python")}
    assert outputs["gallery"].artifact_id.endswith("/images/ubuntu-2404/versions/1.0.0"), outputs
    assert outputs["image"].artifact_id.endswith("/Microsoft.Compute/images/python"), outputs
    assert templates.get_run_output(GROUP, "python", "image").properties.provisioning_state == "Succeeded"
    refused(ResourceNotFoundError, lambda: templates.get_run_output(GROUP, "python", "none"))


def sees_a_run_fail():
    script_run("distributionFails")
    poller = templates.begin_run(GROUP, "python")
    refused(HttpResponseError, poller.result, text="Internal error occurred.")
    status = templates.get(GROUP, "python").properties.last_run_status
    assert status.run_state == "Failed" and "InternalOperationError" in status.message, status


def cancels_a_run():
    script_run("neverEnds")
    run = templates.begin_run(GROUP, "python", polling=False)
    assert templates.get(GROUP, "python").properties.last_run_status.run_state == "Running", run
    refused(HttpResponseError, lambda: templates.begin_delete(GROUP, "python"), "OperationNotAllowed")
    templates.begin_cancel(GROUP, "python").result()
    end = time.monotonic() + 10
    while templates.get(GROUP, "python").properties.last_run_status.run_state == "Canceling":
        assert time.monotonic() < end, "the run is still canceling"
    assert templates.get(GROUP, "python").properties.last_run_status.run_state == "Canceled"


def changes_tags():
    update = models.ImageTemplateUpdateParameters(tags={"team": "desktops"})
    assert templates.begin_update(GROUP, "python", update).result().tags == {"team": "desktops"}


def lists_templates_in_pages():
    names = [f"page-{number}" for number in range(11)]
    for poller in [templates.begin_create_or_update(GROUP, name, template()) for name in names]:
        poller.result()
    assert sorted(one.name for one in templates.list_by_resource_group(GROUP)) == sorted([*names, "python"])
    assert len(list(templates.list())) == 12
    for poller in [templates.begin_delete(GROUP, name) for name in names]:
        poller.result()


def numbers():
    return sorted(version.name for version in versions.list_by_gallery_image(*DEFINITION))


def makes_versions_of_a_version():
    source = of_compute.GalleryArtifactVersionFullSource(id=versions.get(*DEFINITION, "1.0.0").id)
    for number, tags in [("2.0.0", {}), ("2.1.0", {"keep": "until the audit"}), ("2.2.0", {})]:
        wanted = of_compute.GalleryImageVersion(
            location="westeurope",
            tags=tags,
            publishing_profile=of_compute.GalleryImageVersionPublishingProfile(
                target_regions=[of_compute.TargetRegion(name="westeurope"), of_compute.TargetRegion(name="northeurope")]
            ),
            storage_profile=of_compute.GalleryImageVersionStorageProfile(source=source),
        )
        made = versions.begin_create_or_update(*DEFINITION, number, wanted).result()
        assert (made.name, made.provisioning_state) == (number, "Succeeded"), made
    assert numbers() == ["1.0.0", "2.0.0", "2.1.0", "2.2.0"]


def image_builder(action, **inputs):
    """Runs the task's program with these inputs, as docs/emulator.md says; what it said."""
    definition = f"{RESOURCES}/Microsoft.Compute/galleries/galContoso/images/ubuntu-2404"
    inputs = {"ibSubscription": "emulator", "action": action, "galleryImageId": definition, **inputs}
    given = {f"INPUT_{name.upper()}": str(value) for name, value in inputs.items()}
    done = subprocess.run([os.environ["IMAGE_BUILDER"], "run"], env={**os.environ, **given}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def flags_of_regions_are_seen_both_ways():
    """The library hides a version in one region; the task promotes and withdraws it there, and the library sees that."""
    target = versions.get(*DEFINITION, "2.2.0")
    target.publishing_profile.target_regions[1].exclude_from_latest = True
    target.storage_profile.source = None
    # Read-only for the service.
    target.safety_profile = None
    versions.begin_create_or_update(*DEFINITION, "2.2.0", target).result()
    said = image_builder("promote", imageVersionId=target.id, galleryImageId="", preview="true")
    assert "latest before:  2.2.0 in westeurope" in said and "latest before:  2.1.0 in northeurope" in said, said
    said = image_builder("promote", imageVersionId=target.id, galleryImageId="", releaseRegions="North Europe")
    assert "latest now:  2.2.0 in westeurope, northeurope" in said, said
    flags = [region.exclude_from_latest for region in versions.get(*DEFINITION, "2.2.0").publishing_profile.target_regions]
    assert not any(flags), flags
    image_builder("withdraw", imageVersionId=target.id, galleryImageId="", releaseRegions="westeurope", withdrawReason="x")
    flags = [region.exclude_from_latest for region in versions.get(*DEFINITION, "2.2.0").publishing_profile.target_regions]
    assert flags[0] is True and not flags[1], flags
    image_builder("promote", imageVersionId=target.id, galleryImageId="")
    profile = versions.get(*DEFINITION, "2.2.0").publishing_profile
    assert profile.exclude_from_latest is False and not any(region.exclude_from_latest for region in profile.target_regions), profile


def retain_deletes_what_the_library_made():
    inputs = {"keepVersions": 1, "keepDays": 0}
    said = image_builder("retain", **inputs)
    assert "image version 2.0.0:  would be deleted" in said, said
    assert numbers() == ["1.0.0", "2.0.0", "2.1.0", "2.2.0"]
    said = image_builder("retain", retainPreview="false", **inputs)
    assert "image version 2.1.0:  kept, tag: it has tag 'keep'" in said, said
    assert numbers() == ["2.1.0", "2.2.0"]
    refused(ResourceNotFoundError, lambda: versions.get(*DEFINITION, "2.0.0"))
    # The library takes away what kept it, and the next night takes it.
    versions.begin_update(*DEFINITION, "2.1.0", of_compute.GalleryImageVersionUpdate(tags={})).result()
    image_builder("retain", retainPreview="false", **inputs)
    assert numbers() == ["2.2.0"]


def retain_excludes_and_ends_as_the_library_sees():
    made = versions.get(*DEFINITION, "2.2.0")
    source = of_compute.GalleryArtifactVersionFullSource(id=made.id)
    newer = of_compute.GalleryImageVersion(
        location="westeurope",
        publishing_profile=made.publishing_profile,
        storage_profile=of_compute.GalleryImageVersionStorageProfile(source=source),
    )
    versions.begin_create_or_update(*DEFINITION, "2.3.0", newer).result()
    for action in ["exclude", "endOfLife"]:
        image_builder("retain", retainPreview="false", retainAction=action, keepVersions=0, keepDays=0)
    profile = versions.get(*DEFINITION, "2.2.0").publishing_profile
    assert profile.exclude_from_latest is True, profile
    assert profile.end_of_life_date.date() == datetime.datetime.now(datetime.timezone.utc).date(), profile
    profile = versions.get(*DEFINITION, "2.3.0").publishing_profile
    assert (profile.exclude_from_latest, profile.end_of_life_date) == (False, None), profile
    for number in numbers():
        versions.begin_delete(*DEFINITION, number).result()


TEST = {
    "ibAzureResourceGroup": GROUP,
    "ibLocation": "westeurope",
    "managedIdentity": f"{RESOURCES}/Microsoft.ManagedIdentity/userAssignedIdentities/id-image-builder",
    "galleryImageId": "",
    "provisioner": "shell",
    "validationInlineScript": "test -x /usr/bin/env",
    "vmSize": "Standard_D2ds_v5",
    "buildTimeoutInMinutes": 60,
}


def tested_version():
    source = of_compute.GalleryArtifactVersionFullSource(id=versions.get(*DEFINITION, "1.0.0").id)
    wanted = of_compute.GalleryImageVersion(
        location="westeurope",
        publishing_profile=of_compute.GalleryImageVersionPublishingProfile(
            target_regions=[of_compute.TargetRegion(name="westeurope")], exclude_from_latest=True
        ),
        storage_profile=of_compute.GalleryImageVersionStorageProfile(source=source),
    )
    return versions.begin_create_or_update(*DEFINITION, "1.5.0", wanted).result()


def makes_the_template_of_a_test_as_the_task_does():
    """The task's template is looked at while its run goes on; the library makes one of its own models, and the service answers the same."""
    version = tested_version()
    script_run("neverEnds")
    given = {"ibSubscription": "emulator", "action": "test", "imageVersionId": version.id, **TEST}
    given = {f"INPUT_{name.upper()}": str(value) for name, value in given.items()}
    task = subprocess.Popen(
        [os.environ["IMAGE_BUILDER"], "run"], env={**os.environ, **given}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    end = time.monotonic() + 60
    ours = []
    while not ours or ours[0].properties.last_run_status is None:
        assert time.monotonic() < end and task.poll() is None, "the task started no run"
        ours = [one for one in templates.list_by_resource_group(GROUP) if "imageBuilderTask" in (one.tags or {})]
        time.sleep(0.1)
    task.send_signal(signal.SIGINT)
    said, _ = task.communicate(timeout=60)
    own = models.ImageTemplate(
        location="westeurope",
        identity=template().identity,
        properties=models.ImageTemplateProperties(
            source=models.ImageTemplateSharedImageVersionSource(image_version_id=version.id),
            customize=[],
            validate=models.ImageTemplatePropertiesValidate(
                source_validation_only=True,
                continue_distribute_on_failure=False,
                in_vm_validations=[models.ImageTemplateShellValidator(name="checks", inline=["test -x /usr/bin/env"])],
            ),
            distribute=[models.ImageTemplateVhdDistributor(run_output_name="imageTest", artifact_tags={})],
            vm_profile=models.ImageTemplateVmProfile(vm_size="Standard_D2ds_v5"),
            build_timeout_in_minutes=60,
        ),
    )
    theirs = templates.begin_create_or_update(GROUP, "own-test", own).result()
    templates.begin_delete(GROUP, "own-test").result()

    def said_by_its_maker(one):
        properties = one.properties.as_dict()
        for name in ["provisioningState", "lastRunStatus", "exactStagingResourceGroup"]:
            properties.pop(name, None)
        return properties

    assert said_by_its_maker(ours[0]) == said_by_its_maker(theirs), (said_by_its_maker(ours[0]), said_by_its_maker(theirs), said)
    # At a prompt there is no post-job step; the task names the command, and the library does what it would do.
    assert "az image builder delete" in said, said
    end = time.monotonic() + 10
    while templates.get(GROUP, ours[0].name).properties.last_run_status.run_state in ("Running", "Canceling"):
        assert time.monotonic() < end, "the run was not canceled"
    templates.begin_delete(GROUP, ours[0].name).result()


def reads_the_results_of_a_test():
    version = versions.get(*DEFINITION, "1.5.0")
    said = image_builder("test", imageVersionId=version.id, **TEST)
    assert "image test:  passed (2 tests)" in said, said
    (path,) = re.findall(r"^written: (.*-image-test\.xml)$", said, re.MULTILINE)
    (suite,) = junitparser.JUnitXml.fromfile(path)
    assert (suite.name, suite.tests, suite.failures, suite.skipped) == ("1.5.0", 2, 0, 0), suite
    assert [(case.classname, case.name, case.is_passed) for case in suite] == [("image", "boot", True), ("image", "checks", True)]
    assert versions.get(*DEFINITION, "1.5.0").tags["imageTest"] == "passed"
    script_run("validatorFails")
    given = {"ibSubscription": "emulator", "action": "test", "imageVersionId": version.id, **TEST}
    given = {f"INPUT_{name.upper()}": str(value) for name, value in given.items()}
    done = subprocess.run([os.environ["IMAGE_BUILDER"], "run"], env={**os.environ, **given}, capture_output=True, text=True)
    assert done.returncode != 0 and "AIB861" in done.stdout, done.stdout
    (path,) = re.findall(r"^written: (.*-image-test\.xml)$", done.stdout, re.MULTILINE)
    (suite,) = junitparser.JUnitXml.fromfile(path)
    (failed,) = [case for case in suite if not case.is_passed]
    assert failed.name == "checks" and "exit code 1" in failed.result[0].message, failed
    assert versions.get(*DEFINITION, "1.5.0").tags["imageTest"] == "failed"
    assert not [one.name for one in templates.list_by_resource_group(GROUP) if one.name.startswith("t_")]
    versions.begin_delete(*DEFINITION, "1.5.0").result()


def lists_and_cancels_what_the_task_started():
    of_template = {"ibAzureResourceGroup": GROUP, "templateName": "ours", "galleryImageId": ""}
    image_builder(
        "submit",
        **of_template,
        ibLocation="westeurope",
        managedIdentity=f"{RESOURCES}/Microsoft.ManagedIdentity/userAssignedIdentities/id-image-builder",
        imageSource="marketplace",
        baseImagePubOfferSku="Canonical:ubuntu-24_04-lts:server",
        provisioner="shell",
        inlineScript="echo hello",
        distributeType="managedimage",
        imageIdForDistribute=f"{RESOURCES}/Microsoft.Compute/images/ours",
        managedImageLocation="westeurope",
        vmSize="Standard_D2ds_v5",
    )
    (tags,) = [one.tags for one in templates.list_by_resource_group(GROUP) if one.name == "ours"]
    assert {"imageBuilderTask", "imageBuilderRun", "imageBuilderStep", "imageBuilderInputs", "imageBuilderMade"} <= set(tags), tags
    assert tags["imageBuilderRun"].startswith("prompt/"), tags
    said = image_builder("cancel", **of_template)
    assert "image template 'ours':  " in said, said


def deletes_the_template():
    templates.begin_delete(GROUP, "python").result()
    refused(ResourceNotFoundError, lambda: templates.get(GROUP, "python"), "ResourceNotFound")
    # Nothing to delete is no error: 204.
    templates.begin_delete(GROUP, "python").result()


def deletes_the_blobs():
    script.delete_blob()
    assert not script.exists()
    refused(ResourceNotFoundError, script.get_blob_properties)
    container.delete_container()


STEPS = [
    signs_in_with_a_service_connection_of_azure_pipelines,
    uploads_a_blob_in_blocks,
    stages_blocks_and_commits_them_in_another_order,
    signs_with_a_user_delegation_key_and_reads_with_that_alone,
    lists_blobs_in_pages,
    creates_a_template_that_fetches_the_script,
    is_refused_a_second_template_of_the_name,
    is_refused_a_wrong_template,
    sees_a_submission_fail,
    runs_the_template,
    lists_the_outputs,
    sees_a_run_fail,
    cancels_a_run,
    changes_tags,
    lists_templates_in_pages,
    makes_versions_of_a_version,
    makes_the_template_of_a_test_as_the_task_does,
    reads_the_results_of_a_test,
    flags_of_regions_are_seen_both_ways,
    retain_deletes_what_the_library_made,
    retain_excludes_and_ends_as_the_library_sees,
    lists_and_cancels_what_the_task_started,
    deletes_the_template,
    deletes_the_blobs,
    *desktops.steps(credential, SUBSCRIPTION, EMULATOR, refused, image_builder),
    *machines.steps(credential, SUBSCRIPTION, EMULATOR, refused),
    sbom.documents_about_images_are_valid_for_cyclonedx,
]


def main():
    failed = 0
    for step in STEPS:
        start, name = time.monotonic(), step.__name__.replace("_", " ")
        try:
            step()
            line = f"passed: {name}"
        except Exception:  # Whatever a library raises is the outcome of the step.
            failed += 1
            line = f"failed: {name}: {traceback.format_exc()}"
        print(f"{line} ({time.monotonic() - start:.1f} s)", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
