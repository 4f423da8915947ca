// A headless browser, spoken to through the pipes 3 and 4 of its process: messages of JSON that end with a zero byte.
import { spawn } from "child_process";
import fs from "fs";
import http from "http";
import path from "path";

// Serves the files of a folder to this machine.
export function serve(folder) {
    const types = { ".html": "text/html", ".wasm": "application/wasm" };
    const server = http.createServer((request, answer) => {
        const name = path.basename(new URL(request.url, "http://here").pathname) || "index.html";
        fs.readFile(path.join(folder, name), (error, bytes) => {
            answer.writeHead(error ? 404 : 200, { "Content-Type": types[path.extname(name)] ?? "text/plain" });
            answer.end(bytes);
        });
    });
    return new Promise(resolve => server.listen(0, "127.0.0.1", () => resolve(server)));
}

// Ends what waits when the browser ends, and never waits for more than half a minute.
export class Browser {
    constructor(program, profile) {
        const flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-background-networking", "--hide-scrollbars", `--user-data-dir=${profile}`, "--remote-debugging-pipe"];
        this.process = spawn(program, flags, { stdio: ["ignore", "ignore", "pipe", "pipe", "pipe"] });
        this.waiting = new Map();
        this.heard = [];
        this.said = "";
        this.count = 0;
        this.process.stderr.on("data", bytes => { this.said += bytes; });
        this.process.on("error", error => this.end(error));
        this.process.on("exit", code => this.end(new Error(`the browser ended with ${code}: ${this.said.slice(-2000)}`)));
        this.process.stdio[3].on("error", () => {});
        let rest = Buffer.alloc(0);
        this.process.stdio[4].on("data", bytes => {
            rest = Buffer.concat([rest, bytes]);
            for (let at; (at = rest.indexOf(0)) >= 0; rest = rest.subarray(at + 1)) {
                this.take(JSON.parse(rest.subarray(0, at).toString()));
            }
        });
    }

    take(message) {
        const wait = this.waiting.get(message.id);
        if (!wait) {
            this.heard.push(message);
            return;
        }
        this.waiting.delete(message.id);
        clearTimeout(wait.clock);
        message.error ? wait.reject(new Error(`${wait.method}: ${message.error.message}`)) : wait.resolve(message.result);
    }

    end(error) {
        for (const wait of this.waiting.values()) {
            clearTimeout(wait.clock);
            wait.reject(error);
        }
        this.waiting.clear();
    }

    send(method, params = {}) {
        const id = ++this.count;
        return new Promise((resolve, reject) => {
            const clock = setTimeout(() => reject(new Error(`${method}: no answer; ${this.said.slice(-2000)}`)), 30000);
            this.waiting.set(id, { method, resolve, reject, clock });
            this.process.stdio[3].write(JSON.stringify({ id, method, params, sessionId: this.session }) + "\0");
        });
    }

    // Opens a page of that size. Everything that follows is said to it.
    async open(url, { width, height, dark = false, phone = false }) {
        this.session = undefined;
        const { targetId } = await this.send("Target.createTarget", { url: "about:blank" });
        this.session = (await this.send("Target.attachToTarget", { targetId, flatten: true })).sessionId;
        await this.send("Page.enable");
        await this.send("Runtime.enable");
        await this.send("Emulation.setFocusEmulationEnabled", { enabled: true });
        await this.send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: phone });
        await this.send("Emulation.setEmulatedMedia",
            { features: [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }] });
        await this.send("Page.navigate", { url });
    }

    // Clicks on the middle of an element.
    async click(id) {
        const at = await this.value(`(box => ({ x: box.x + box.width / 2, y: box.y + box.height / 2 }))(
            document.getElementById("${id}").getBoundingClientRect())`);
        for (const type of ["mousePressed", "mouseReleased"]) {
            await this.send("Input.dispatchMouseEvent", { type, ...at, button: "left", clickCount: 1 });
        }
    }

    // The value of an expression in the page.
    async value(expression) {
        const answer = await this.send("Runtime.evaluate", { expression, returnByValue: true, awaitPromise: true });
        if (answer.exceptionDetails) {
            throw new Error(`${expression}: ${answer.exceptionDetails.exception?.description}`);
        }
        return answer.result.value;
    }

    // Waits until an expression in the page is true.
    async until(expression) {
        for (let i = 0; i < 200; i++) {
            if (await this.value(expression)) {
                return;
            }
            await new Promise(resolve => setTimeout(resolve, 100));
        }
        throw new Error(`it never came: ${expression}`);
    }

    async screenshot(file) {
        fs.writeFileSync(file, Buffer.from((await this.send("Page.captureScreenshot")).data, "base64"));
    }

    errors() {
        return this.heard.filter(m => m.method === "Runtime.exceptionThrown" || (m.method === "Runtime.consoleAPICalled" &&
            m.params.type === "error")).map(m => JSON.stringify(m.params));
    }

    async close() {
        this.session = undefined;
        const ended = new Promise(resolve => this.process.on("exit", resolve));
        await this.send("Browser.close").catch(() => {});
        await ended;
    }
}
