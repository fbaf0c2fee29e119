// What a Node task would do today: a stream into the service's own client, with no file between.
"use strict";
const fs = require("fs");
const { PassThrough } = require("stream");
const archiver = require("archiver");
const { BlockBlobClient, StorageSharedKeyCredential } = require("@azure/storage-blob");

const KEY = Buffer.alloc(64, 7).toString("base64");

function stream(format, folder) {
  const archive = format === "zip" ? archiver("zip", { zlib: { level: 1 } }) : archiver("tar", { gzip: true, gzipOptions: { level: 1 } });
  const through = new PassThrough();
  archive.on("error", (failure) => through.destroy(failure));
  archive.pipe(through);
  archive.directory(folder, false);
  archive.finalize();
  return through;
}

async function main([what, format, folder, file, url]) {
  if (what === "pack") {
    const out = fs.createWriteStream(file);
    stream(format, folder).pipe(out);
    await new Promise((resolve, reject) => out.on("close", resolve).on("error", reject));
    return;
  }
  const credential = new StorageSharedKeyCredential("bench", KEY);
  const blob = new BlockBlobClient(`${url}/bench/bench/package`, credential);
  if (what === "send") await blob.uploadFile(file, { blockSize: 8 << 20, concurrency: 8 });
  else await blob.uploadStream(stream(format, folder), 8 << 20, 5);
}

main(process.argv.slice(2)).catch((failure) => {
  console.error(failure);
  process.exit(1);
});
