// Microsoft's JavaScript libraries build an image in the emulator: upload a script, submit a template that fetches it, run, read outputs, delete.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { AzurePipelinesCredential, ClientSecretCredential } from "@azure/identity";
import { ImageBuilderClient } from "@azure/arm-imagebuilder";
import {
  BlobSASPermissions,
  BlobServiceClient,
  BlockBlobClient,
  SASProtocol,
  StorageSharedKeyCredential,
  generateBlobSASQueryParameters,
} from "@azure/storage-blob";

const environment = process.env;
const emulator = environment.AZURE_EMULATOR;
const group = "rg-images";
const resources = `/subscriptions/${environment.AZURE_SUBSCRIPTION_ID}/resourceGroups/${group}/providers`;
// The library would ask the public cloud whether this authority is one of its own.
const authority = { authorityHost: environment.AZURE_AUTHORITY_HOST, disableInstanceDiscovery: true };
const credential = new ClientSecretCredential(
  environment.AZURE_TENANT_ID,
  environment.AZURE_CLIENT_ID,
  environment.AZURE_CLIENT_SECRET,
  authority,
);
const builder = new ImageBuilderClient(credential, environment.AZURE_SUBSCRIPTION_ID, {
  endpoint: emulator,
  credentials: { scopes: [`${emulator}/.default`] },
});
const templates = builder.virtualMachineImageTemplates;
const blobs = new BlobServiceClient(environment.AZURE_EMULATOR_BLOBS, credential);
const container = blobs.getContainerClient("scripts");
const script = container.getBlockBlobClient("folder with blank/hello.sh");
// The libraries poll every 2 seconds unless the service or the caller says otherwise.
const polling = { updateIntervalInMs: 10 };
const known = {};

/** Runs an action of the task on image template "ours"; what it said. */
function task(action, inputs = {}) {
  const all = { ibSubscription: "emulator", ibAzureResourceGroup: group, templateName: "ours", action, ...inputs };
  const given = Object.entries(all).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value]);
  return execFileSync(environment.IMAGE_BUILDER, ["run"], { env: { ...environment, ...Object.fromEntries(given) }, encoding: "utf8" });
}

function template() {
  return {
    location: "westeurope",
    tags: { team: "images" },
    identity: {
      type: "UserAssigned",
      userAssignedIdentities: { [`${resources}/Microsoft.ManagedIdentity/userAssignedIdentities/id-image-builder`]: {} },
    },
    source: { type: "PlatformImage", publisher: "Canonical", offer: "ubuntu-24_04-lts", sku: "server", version: "latest" },
    customize: [{ type: "Shell", name: "hello", scriptUri: known.url }],
    validate: { inVMValidations: [{ type: "Shell", name: "check", inline: ["test -e /etc/os-release"] }] },
    distribute: [
      {
        type: "SharedImage",
        runOutputName: "gallery",
        galleryImageId: `${resources}/Microsoft.Compute/galleries/galContoso/images/ubuntu-2404`,
        targetRegions: [{ name: "westeurope" }, { name: "northeurope", replicaCount: 2 }],
        versioning: { scheme: "Latest", major: 3 },
      },
      { type: "VHD", runOutputName: "disk" },
    ],
    autoRun: { state: "Disabled" },
    managedResourceTags: { team: "images" },
  };
}

async function scriptRun(end) {
  const answer = await fetch(`${emulator}/_emulator/runs`, { method: "POST", body: JSON.stringify({ end }) });
  assert.equal(answer.status, 204);
}

async function collected(pages) {
  const all = [];
  for await (const one of pages) all.push(one);
  return all;
}

function pipelinesCredential(connection) {
  return new AzurePipelinesCredential(
    environment.AZURESUBSCRIPTION_TENANT_ID,
    environment.AZURESUBSCRIPTION_CLIENT_ID,
    connection,
    environment.SYSTEM_ACCESSTOKEN,
    authority,
  );
}

const steps = {
  "signs in with a service connection of Azure Pipelines": async () => {
    const scope = `${emulator}/.default`;
    const token = await pipelinesCredential(environment.AZURESUBSCRIPTION_SERVICE_CONNECTION_ID).getToken(scope);
    assert.ok(token.expiresOnTimestamp > Date.now());
    const stranger = pipelinesCredential("00000000-0000-4000-8000-000000000000");
    await assert.rejects(stranger.getToken(scope), /was not found or is not authorized for this job/);
  },
  "uploads a blob in blocks": async () => {
    await container.create();
    const content = Buffer.from("#!/bin/sh\necho hello\n".repeat(200));
    await script.uploadData(content, { maxSingleShotSize: 1, blockSize: 1024, concurrency: 2 });
    const list = await script.getBlockList("committed");
    assert.equal(list.committedBlocks.length, Math.ceil(content.length / 1024));
    known.content = content;
  },
  "stages blocks and commits them in another order": async () => {
    const blob = container.getBlockBlobClient("parts.txt");
    const id = (number) => Buffer.from(`block-${number}`).toString("base64");
    await blob.stageBlock(id(1), "world", 5);
    await blob.stageBlock(id(2), "hello ", 6);
    await blob.commitBlockList([id(2), id(1)]);
    assert.equal((await blob.downloadToBuffer()).toString(), "hello world");
    assert.equal((await blob.downloadToBuffer(6, 3)).toString(), "wor");
  },
  "signs with a user delegation key, and reads with that alone": async () => {
    const expiresOn = new Date(Date.now() + 3_600_000);
    const key = await blobs.getUserDelegationKey(new Date(Date.now() - 300_000), expiresOn);
    const values = {
      containerName: container.containerName,
      blobName: script.name,
      permissions: BlobSASPermissions.parse("r"),
      protocol: SASProtocol.Https,
      expiresOn,
    };
    const signature = generateBlobSASQueryParameters(values, key, "stcontosoimages").toString();
    known.url = `${script.url}?${signature}`;
    assert.deepEqual(await new BlockBlobClient(known.url).downloadToBuffer(), known.content);
    const forged = known.url.replace(/sig=[^&]{4}/, "sig=AAAA");
    await assert.rejects(new BlockBlobClient(forged).download(), { statusCode: 403, code: "AuthenticationFailed" });
    await assert.rejects(new BlockBlobClient(known.url).delete(), { statusCode: 403 });
  },
  "signs with the account key": async () => {
    const keys = await fetch(`${emulator}${resources}/Microsoft.Storage/storageAccounts/stcontosoimages/listKeys?api-version=2025-08-01`, {
      method: "POST",
      headers: { authorization: `Bearer ${(await credential.getToken(`${emulator}/.default`)).token}` },
    });
    const value = (await keys.json()).keys[0].value;
    const account = new StorageSharedKeyCredential("stcontosoimages", value);
    const signed = new BlockBlobClient(script.url, account);
    assert.equal((await signed.getProperties()).contentLength, known.content.length);
    const url = await signed.generateSasUrl({ permissions: BlobSASPermissions.parse("r"), expiresOn: new Date(Date.now() + 60_000) });
    assert.deepEqual(await new BlockBlobClient(url).downloadToBuffer(), known.content);
  },
  "lists blobs in pages and by folder": async () => {
    const pages = await collected(container.listBlobsFlat().byPage({ maxPageSize: 1 }));
    assert.deepEqual(
      pages.flatMap((page) => page.segment.blobItems.map((blob) => blob.name)),
      [script.name, "parts.txt"],
    );
    const top = await collected(container.listBlobsByHierarchy("/"));
    assert.deepEqual(top.map((item) => [item.kind, item.name]), [["prefix", "folder with blank/"], ["blob", "parts.txt"]]);
  },
  "creates a template that fetches the script": async () => {
    const made = await templates.createOrUpdate(group, "javascript", template(), polling);
    assert.equal(made.provisioningState, "Succeeded");
    assert.match(made.customize[0].sha256Checksum, /^[0-9a-f]{64}$/);
    assert.equal(made.source.exactVersion, "24.04.202511110");
    assert.match(made.exactStagingResourceGroup, /\/IT_rg-images_javascript_/);
    assert.equal(made.lastRunStatus, undefined);
  },
  "is refused a second template of the name": async () => {
    const again = templates.createOrUpdate(group, "javascript", template(), polling);
    await assert.rejects(async () => again, { code: "Conflict", statusCode: 409 });
  },
  "is refused a wrong template": async () => {
    const wrong = { ...template(), distribute: [] };
    await assert.rejects(async () => templates.createOrUpdate(group, "wrong", wrong, polling), { code: "ValidationFailed", statusCode: 400 });
  },
  "sees a submission fail": async () => {
    const wrong = { ...template(), source: { ...template().source, sku: "none" } };
    await assert.rejects(async () => templates.createOrUpdate(group, "failed", wrong, polling), /Platform Image was not found/);
    const failed = await templates.get(group, "failed");
    assert.deepEqual([failed.provisioningState, failed.provisioningError.provisioningErrorCode], ["Failed", "BadPIRSource"]);
    await templates.delete(group, "failed", polling);
  },
  "runs the template": async () => {
    await templates.run(group, "javascript", polling);
    const { lastRunStatus: status } = await templates.get(group, "javascript");
    assert.deepEqual([status.runState, status.message], ["Succeeded", ""]);
    assert.ok(status.endTime > status.startTime && status.startTime.getFullYear() > 2000);
  },
  "lists the outputs": async () => {
    const outputs = await collected(templates.listRunOutputs(group, "javascript"));
    assert.deepEqual(outputs.map((output) => output.name).sort(), ["disk", "gallery"]);
    const gallery = await templates.getRunOutput(group, "javascript", "gallery");
    assert.match(gallery.artifactId, /\/images\/ubuntu-2404\/versions\/3\.0\.0$/);
    assert.match((await templates.getRunOutput(group, "javascript", "disk")).artifactUri, /^https:.*\.vhd$/);
    await assert.rejects(templates.getRunOutput(group, "javascript", "none"), { statusCode: 404 });
  },
  "sees a run fail": async () => {
    await scriptRun("customizerFails");
    await assert.rejects(async () => templates.run(group, "javascript", polling), /Packer build logs are at location/);
    const { lastRunStatus: status, provisioningState } = await templates.get(group, "javascript");
    assert.deepEqual([status.runState, provisioningState], ["Failed", "Succeeded"]);
  },
  "cancels a run": async () => {
    await scriptRun("neverEnds");
    const run = templates.run(group, "javascript", polling);
    await run.submitted();
    await assert.rejects(async () => templates.delete(group, "javascript", polling), { code: "OperationNotAllowed" });
    await templates.cancel(group, "javascript", polling);
    await assert.rejects(async () => run, /cancel/i);
    assert.equal((await templates.get(group, "javascript")).lastRunStatus.runState, "Canceled");
  },
  "changes tags": async () => {
    const changed = await templates.update(group, "javascript", { tags: { team: "desktops" } }, polling);
    assert.deepEqual(changed.tags, { team: "desktops" });
  },
  "lists templates in pages": async () => {
    const several = Array.from({ length: 11 }, (_, number) => `page-${number}`);
    await Promise.all(several.map((name) => templates.createOrUpdate(group, name, template(), polling)));
    const all = await collected(templates.listByResourceGroup(group));
    assert.deepEqual(all.map((one) => one.name).sort(), ["javascript", ...several].sort());
    assert.equal((await collected(templates.list())).length, all.length);
    await Promise.all(several.map((name) => templates.delete(group, name, polling)));
  },
  "lists and cancels what the task started": async () => {
    await scriptRun("neverEnds");
    const said = task("submit", {
      ibLocation: "westeurope",
      managedIdentity: `${resources}/Microsoft.ManagedIdentity/userAssignedIdentities/id-image-builder`,
      imageSource: "marketplace",
      baseImagePubOfferSku: "Canonical:ubuntu-24_04-lts:server",
      provisioner: "shell",
      inlineScript: "echo hello",
      distributeType: "managedimage",
      imageIdForDistribute: `${resources}/Microsoft.Compute/images/ours`,
      managedImageLocation: "westeurope",
      vmSize: "Standard_D2ds_v5",
    });
    assert.match(said, /submitted: the build continues without this job/);
    const { tags } = (await collected(templates.listByResourceGroup(group))).find((one) => one.name === "ours");
    const own = ["imageBuilderTask", "imageBuilderRun", "imageBuilderStep", "imageBuilderInputs", "imageBuilderMade"];
    assert.deepEqual(own.filter((name) => !tags[name]), []);
    await templates.cancel(group, "ours", polling);
    assert.match(task("cancel"), /deleted image template 'ours'/);
    await assert.rejects(templates.get(group, "ours"), { statusCode: 404 });
  },
  "deletes the template": async () => {
    await templates.delete(group, "javascript", polling);
    await assert.rejects(templates.get(group, "javascript"), { code: "ResourceNotFound", statusCode: 404 });
    // Nothing to delete is no error: 204.
    await templates.delete(group, "javascript", polling);
  },
  "deletes the blobs": async () => {
    await script.delete();
    await assert.rejects(script.getProperties(), { statusCode: 404 });
    assert.equal(await script.exists(), false);
    await container.delete();
  },
};

for (const [name, step] of Object.entries(steps)) {
  const start = Date.now();
  let line;
  try {
    await step();
    line = `passed: ${name}`;
  } catch (error) {
    process.exitCode = 1;
    line = `failed: ${name}: ${error.stack ?? error}`;
  }
  if (!process.stdout.write(`${line} (${((Date.now() - start) / 1000).toFixed(1)} s)\n`)) await once(process.stdout, "drain");
}
