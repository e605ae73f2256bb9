// Runs the health check of docker-compose.yml's MongoDB against one that only plays it: what a new volume needs, what
// one without users needs, what a new password needs, and that nothing is done where nothing is missing.
"use strict";
const assert = require("node:assert");
const { readFileSync } = require("node:fs");

const lines = readFileSync("docker-compose.yml", "utf8").split("\n");
const start = lines.findIndex(line => line.startsWith("x-mongo-ready:")) + 1;
const length = lines.slice(start).findIndex(line => line !== "" && !line.startsWith("  "));
const script = lines.slice(start, start + length).join("\n");

/** Plays MongoDB: `users` by name with passwords. Only `root` may do anything, and anybody while there is no user. */
class Mongo {
  constructor({ initiated = false, users = {} } = {}) {
    Object.assign(this, { initiated, users, done: [] });
  }

  connect(uri) {
    const [, user, password] = /^mongodb:\/\/(?:(\w+):([^@]*)@)?localhost\/admin\?directConnection=true$/.exec(uri);
    if (user && this.users[user]?.pwd !== decodeURIComponent(password)) throw new Error("Authentication failed");
    const may = () => {
      if (user !== "root" && Object.keys(this.users).length > 0) throw new Error("Unauthorized");
    };
    const noted = (what, act) => {
      may();
      this.done.push(what);
      act();
    };
    return {
      hello: () => (this.initiated ? { setName: "rs0", isWritablePrimary: true } : {}),
      adminCommand: command => noted("initiate", () => {
        assert.strictEqual(command.replSetInitiate.members[0].host, "mongo:27017");
        this.initiated = true;
      }),
      createUser: ({ user: name, ...rest }) => noted(`create ${name}`, () => {
        if (!this.initiated) throw new Error("not primary");
        this.users[name] = rest;
      }),
      updateUser: (name, changes) => noted(`update ${name}`, () => Object.assign(this.users[name], changes)),
      getUser: name => {
        may();
        return this.users[name] ?? null;
      },
    };
  }

  /** What the script does with these passwords; an error is one of the script's. */
  check(environment = { MONGO_ROOT_PASSWORD: "r/t", MONGO_PASSWORD: "secret" }) {
    this.done = [];
    const run = new Function("require", "process", "connect", "print", "sleep", script);
    run(require, { env: environment }, uri => this.connect(uri), () => {}, () => {});
    return this.done;
  }
}

const everything = ["initiate", "create root", "create consumer"];

const fresh = new Mongo();
assert.deepStrictEqual(fresh.check(), everything);
assert.deepStrictEqual(fresh.users.consumer.roles, [{ role: "readWrite", db: "scalable-api" }]);
assert.deepStrictEqual(fresh.check(), [], "nothing is missing any more");

const changed = { MONGO_ROOT_PASSWORD: "r/t", MONGO_PASSWORD: "another one" };
assert.deepStrictEqual(fresh.check(changed), ["update consumer"]);
assert.deepStrictEqual(fresh.check(changed), []);

// It ended after the first step, the second, the third.
assert.deepStrictEqual(new Mongo({ initiated: true }).check(), everything.slice(1));
const onlyRoot = new Mongo({ initiated: true, users: { root: { pwd: "r/t" } } });
assert.deepStrictEqual(onlyRoot.check(), ["create consumer"]);

// An administrator with another password: the check fails, and changes nothing.
const foreign = new Mongo({ initiated: true, users: { root: { pwd: "other" } } });
assert.throws(() => foreign.check(), /Authentication failed/);
assert.deepStrictEqual(foreign.done, []);

const file = `${__dirname}/mongo-ready.js`;
const ofFile = { pwd: readFileSync(file, "utf8").trim() };
const users = { root: { pwd: "r/t" }, consumer: ofFile };
const secure = new Mongo({ initiated: true, users });
const inFile = { MONGO_ROOT_PASSWORD: "r/t", MONGO_PASSWORD: "", MONGO_PASSWORD_FILE: file };
assert.deepStrictEqual(secure.check(inFile), []);
