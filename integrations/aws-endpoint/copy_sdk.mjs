// Copy many files up and down again: node copy_sdk.mjs s3://BUCKET/PREFIX COUNT
import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";

const [url, count] = process.argv.slice(2);
const [, Bucket, prefix] = url.match(/^s3:\/\/([^/]+)\/(.*)$/);
const s3 = new S3Client({ forcePathStyle: true });

for (let number = 0; number < Number(count); number++) {
  const Key = `${prefix}${number}`;
  await s3.send(new PutObjectCommand({ Bucket, Key, Body: `${number}\n` }));
  const found = await s3.send(new GetObjectCommand({ Bucket, Key }));
  if ((await found.Body.transformToString()) !== `${number}\n`) process.exit(1);
}
