// Read a page that wants one of Google's access tokens: node read.cjs credential.json URL
const fs = require("node:fs");
const { ExternalAccountClient } = require("google-auth-library");

async function main([file, url]) {
  const client = ExternalAccountClient.fromJSON(JSON.parse(fs.readFileSync(file, "utf8")));
  const answer = await client.request({ url, responseType: "text" });
  process.stdout.write(answer.data);
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
