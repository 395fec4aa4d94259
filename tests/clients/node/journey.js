// The journey's calls through Azure's JavaScript SDK: one JSON object on standard output tells what was seen.
"use strict";
const { EnvironmentCredential } = require("@azure/identity");
const { StorageManagementClient } = require("@azure/arm-storage");
const { ManagedServiceIdentityClient } = require("@azure/arm-msi");
const { AuthorizationManagementClient } = require("@azure/arm-authorization");
const { BlobServiceClient, StorageSharedKeyCredential } = require("@azure/storage-blob");
const { randomUUID } = require("node:crypto");

const subscription = process.env.AZURE_SUBSCRIPTION_ID;
const group = process.env.AZURE_RESOURCE_GROUP;
const account = process.argv[2];
const BLOB_OWNER = "ba92f5b4-2d11-453d-a403-e96b0029c9fe";

async function all(pages) {
  const found = [];
  for await (const item of pages) found.push(item);
  return found;
}

async function text(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts).toString();
}

async function main() {
  const told = {};
  const credential = new EnvironmentCredential();
  const storage = new StorageManagementClient(credential, subscription);
  told.free = (await storage.storageAccounts.checkNameAvailability({ name: account, type: "Microsoft.Storage/storageAccounts" })).nameAvailable;
  const body = { location: "westeurope", sku: { name: "Standard_LRS" }, kind: "StorageV2" };
  const made = await storage.storageAccounts.create(group, account, body);
  told.state = made.provisioningState;
  told.id = made.id;
  told.listed = (await all(storage.storageAccounts.listByResourceGroup(group))).map((one) => one.name);
  told.everywhere = (await all(storage.storageAccounts.list())).length;
  told.kind = (await storage.storageAccounts.getProperties(group, account)).kind;
  const keys = (await storage.storageAccounts.listKeys(group, account)).keys;
  told.keys = keys.map((key) => key.keyName);
  await storage.blobContainers.create(group, account, "from-node", {});
  told.containers = (await all(storage.blobContainers.list(group, account))).map((one) => one.name);

  const address = `https://${account}.blob.core.windows.net`;
  const byKey = new BlobServiceClient(address, new StorageSharedKeyCredential(account, keys[0].value));
  const container = byKey.getContainerClient("box");
  await container.create();
  const words = "héllo from node\n".repeat(1000);
  await container.getBlockBlobClient("dir/a b.txt").upload(words, Buffer.byteLength(words), { metadata: { who: "node" } });
  const big = Buffer.alloc(9 * 1024 * 1024, "x");
  await container.getBlockBlobClient("big").uploadData(big, { blockSize: 4 * 1024 * 1024, maxSingleShotSize: 1024 * 1024, concurrency: 3 });
  told.bigSame = (await container.getBlobClient("big").downloadToBuffer()).equals(big);
  told.blobs = (await all(container.listBlobsFlat({ includeMetadata: true }))).map((one) => [one.name, one.properties.contentLength, one.metadata || {}]);
  told.folders = (await all(container.listBlobsByHierarchy("/"))).map((one) => one.name);
  told.same = (await text((await container.getBlobClient("dir/a b.txt").download()).readableStreamBody)) === words;
  told.range = await text((await container.getBlobClient("dir/a b.txt").download(0, 6)).readableStreamBody);
  told.missing = await container.getBlobClient("none").exists();

  const byToken = new BlobServiceClient(address, credential);
  try {
    await byToken.getContainerClient("box").getBlobClient("big").getProperties();
    told.denied = "allowed";
  } catch (error) {
    told.denied = [error.statusCode, error.details.errorCode];
  }
  const identities = new ManagedServiceIdentityClient(credential, subscription);
  const identity = await identities.userAssignedIdentities.createOrUpdate(group, "id-from-node", { location: "westeurope" });
  told.identity = (await identities.userAssignedIdentities.get(group, "id-from-node")).principalId === identity.principalId;
  told.identities = (await all(identities.userAssignedIdentities.listByResourceGroup(group))).map((one) => one.name);

  const roles = new AuthorizationManagementClient(credential, subscription);
  const definition = `/subscriptions/${subscription}/providers/Microsoft.Authorization/roleDefinitions/${BLOB_OWNER}`;
  const assignment = await roles.roleAssignments.create(made.id, randomUUID(), {
    roleDefinitionId: definition, principalId: process.env.PRINCIPAL, principalType: "ServicePrincipal",
  });
  told.assignments = (await all(roles.roleAssignments.listForScope(made.id, { filter: "atScope()" }))).some((one) => one.id === assignment.id);
  for (let tries = 0; tries < 100; tries++) {
    try {
      told.allowed = (await byToken.getContainerClient("box").getBlobClient("big").getProperties()).contentLength;
      break;
    } catch (error) {
      if (error.statusCode !== 403) throw error;
      await new Promise((done) => setTimeout(done, 100));
    }
  }
  await roles.roleAssignments.deleteById(assignment.id);
  await identities.userAssignedIdentities.delete(group, "id-from-node");
  await container.delete();
  await storage.storageAccounts.delete(group, account);
  told.after = (await all(storage.storageAccounts.listByResourceGroup(group))).map((one) => one.name);
  try {
    await storage.storageAccounts.getProperties(group, account);
  } catch (error) {
    told.gone = [error.statusCode, error.code];
  }
  console.log(JSON.stringify(told));
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
