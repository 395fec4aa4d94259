// @azure/storage-blob, as it is, against the account and the key in the arguments; ends with 1 where an answer is not Azure's.
import { BlobServiceClient, StorageSharedKeyCredential, generateBlobSASQueryParameters, BlobSASPermissions } from "@azure/storage-blob";
import { EnvironmentCredential } from "@azure/identity";
import assert from "node:assert";
import crypto from "node:crypto";
const account = process.argv[2], key = process.argv[3];
const url = `https://${account}.blob.core.windows.net`;
const shared = new StorageSharedKeyCredential(account, key);
const service = new BlobServiceClient(url, shared);
const container = service.getContainerClient("node" + Date.now());
await container.create({ metadata: { a: "1" } });
for (const name of ["späce & +plus.txt", "a//b", "/leading", "日本/ünï.txt", "q?x=1&y=2", "hash#1"]) {
  const blob = container.getBlockBlobClient(name);
  await blob.upload(name, Buffer.byteLength(name), { metadata: { n: "1" }, tags: { t: "1" } });
  assert.equal((await blob.downloadToBuffer()).toString(), name);
  const expiresOn = new Date(Date.now() + 60000);
  const sas = generateBlobSASQueryParameters(
    { containerName: container.containerName, blobName: name, permissions: BlobSASPermissions.parse("r"), expiresOn },
    shared,
  );
  const via = new BlobServiceClient(`${url}?${sas}`).getContainerClient(container.containerName).getBlobClient(name);
  assert.equal((await via.downloadToBuffer()).toString(), name);
}
const names = [];
for await (const item of container.listBlobsFlat({ includeMetadata: true, includeTags: true })) names.push(item.name);
assert.equal(names.length, 6);
const folders = [];
for await (const item of container.listBlobsByHierarchy("/")) folders.push(item.name);
assert.deepEqual(folders, ["/", "a/", "日本/", "hash#1", "q?x=1&y=2", "späce & +plus.txt"]);
const big = container.getBlockBlobClient("big");
const data = crypto.randomBytes(30_000_000);
await big.uploadData(data, { blockSize: 4 << 20, concurrency: 4 });
assert.ok((await big.downloadToBuffer()).equals(data));
const lease = big.getBlobLeaseClient();
await lease.acquireLease(15);
await assert.rejects(big.delete(), { code: "LeaseIdMissing" });
await lease.releaseLease();
const copy = container.getBlobClient("copy");
const poller = await copy.beginCopyFromURL(big.url);
assert.equal((await poller.pollUntilDone()).copyStatus, "success");
const append = container.getAppendBlobClient("append");
await append.create(); await append.appendBlock("abc", 3);
const page = container.getPageBlobClient("page");
await page.create(1024); await page.uploadPages(Buffer.alloc(512, 1), 0, 512);
assert.deepEqual((await page.getPageRanges()).pageRange, [{ offset: 0, count: 511 }]);
assert.equal((await service.getProperties()).blobAnalyticsLogging.version, "1.0");
assert.equal((await service.getAccountInfo()).accountKind, "StorageV2");
const found = [];
for await (const item of service.findBlobsByTags(`@container='${container.containerName}' AND t='1'`)) found.push(item.name);
assert.equal(found.length, 6);
const batch = await service.getBlobBatchClient().deleteBlobs([copy, append]);
assert.deepEqual(batch.subResponses.map((answer) => answer.status), [202, 202]);
const delegating = new BlobServiceClient(url, new EnvironmentCredential());
const [begin, end] = [new Date(Date.now() - 60000), new Date(Date.now() + 3600000)];
const delegated = await delegating.getUserDelegationKey(begin, end);
const handed = generateBlobSASQueryParameters(
  { containerName: container.containerName, blobName: "big", permissions: BlobSASPermissions.parse("r"), expiresOn: end },
  delegated,
  account,
);
// The signature is right; the principal that made it has no role for data at this account.
const via = new BlobServiceClient(`${url}?${handed}`).getContainerClient(container.containerName).getBlobClient("big");
await assert.rejects(via.download(), { code: "AuthorizationPermissionMismatch" });
await container.delete();
for await (const item of service.listContainers({ prefix: container.containerName })) assert.fail(item.name);
console.log("walked");
