// Copy a file up and down again with the AWS SDK for JavaScript: node transfer.mjs FROM s3://BUCKET/KEY TO
import { readFile, writeFile } from "node:fs/promises";
import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";

const [source, url, target] = process.argv.slice(2);
const [, Bucket, Key] = url.match(/^s3:\/\/([^/]+)\/(.+)$/);
const s3 = new S3Client({ profile: "illumina", forcePathStyle: true });
await s3.send(new PutObjectCommand({ Bucket, Key, Body: await readFile(source) }));
const found = await s3.send(new GetObjectCommand({ Bucket, Key }));
await writeFile(target, await found.Body.transformToByteArray());
