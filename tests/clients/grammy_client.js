// Receives updates with grammY and prints the id and the chat of each as a line of JSON.
//   node grammy_client.js poll|webhook API_URL TOKEN [PORT SECRET]
"use strict";

const http = require("node:http");
const { Bot, webhookCallback, API_CONSTANTS } = require("grammy");

const [way, apiRoot, token, port, secret] = process.argv.slice(2);
const bot = new Bot(token, { client: { apiRoot } });
const allowed_updates = API_CONSTANTS.ALL_UPDATE_TYPES;

bot.use((context) => {
  console.log(JSON.stringify({ id: context.update.update_id, chat: context.chat?.id ?? null }));
});
bot.catch((error) => {
  console.error(error);
  process.exit(1);
});

async function poll() {
  process.on("SIGTERM", () => bot.stop());
  await bot.start({ allowed_updates, timeout: 2 });
}

async function serve() {
  const server = http.createServer(webhookCallback(bot, "http", { secretToken: secret }));
  await new Promise((resolve) => server.listen(Number(port), "127.0.0.1", resolve));
  process.on("SIGTERM", () => process.exit(0));
  await bot.api.setWebhook(`http://127.0.0.1:${port}/grammy`, {
    secret_token: secret,
    allowed_updates,
    max_connections: 20,
  });
}

(way === "poll" ? poll() : serve()).catch((error) => {
  console.error(error);
  process.exit(1);
});
