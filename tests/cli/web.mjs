// The page of examples/web in a headless browser, as someone uses it: it writes when it is opened, anew when one types,
// moves the slider or asks for another; it says how fast it is; it fits a phone; it is dark where that is wished.
// Usage: web.mjs FOLDER browser. Pictures of it are left in FOLDER.
import { Browser, serve } from "./browser.mjs";

const [folder, program] = process.argv.slice(2);
const expect = (condition, what) => {
    if (!condition) {
        throw new Error(`not so: ${what}`);
    }
};
const server = await serve(folder);
const url = `http://127.0.0.1:${server.address().port}/`;
const browser = new Browser(program, `${folder}/profile`);

const text = id => browser.value(`document.getElementById("${id}").textContent`);
const finished = () => browser.until(`document.getElementById("rest")?.textContent.length >= 600 &&
    !document.getElementById("rest").classList.contains("busy")`);

async function followsTheReader() {
    await browser.open(url, { width: 1000, height: 900 });
    await finished();
    const first = await text("rest");
    expect(await text("beginning") === "The ", "it begins with an example");
    expect(/^[\d,]+ characters\/s$/.test(await text("speed")), "it says how fast it is");
    await browser.screenshot(`${folder}/light.png`);

    await browser.click("paper");
    await browser.send("Input.insertText", { text: "net" });
    await browser.until(`document.getElementById("beginning").textContent === "The net"`);
    await finished();
    const second = await text("rest");
    expect(second !== first, "it goes on with what was typed");

    await browser.click("again");
    await finished();
    expect(await text("rest") !== second, "another text for the same beginning");

    await browser.value(`{ const slider = document.getElementById("temperature"); slider.value = 0.1;
        slider.dispatchEvent(new Event("input")); }`);
    await finished();
    expect(await text("shown") === "0.10", "the slider's number");

    await browser.click("paper");
    await browser.send("Input.insertText", { text: "\u2603" });
    await browser.until(`document.getElementById("note").textContent.includes("\u2603")`);
}

async function fitsAPhone() {
    await browser.open(`${url}#What%20is`, { width: 360, height: 740, dark: true, phone: true });
    await finished();
    expect(await text("beginning") === "What is", "the address says the beginning");
    expect(await browser.value("document.scrollingElement.scrollWidth <= 360"), "nothing is wider than the screen");
    const shade = await browser.value(`getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)`);
    expect(Math.max(...shade) < 64, "it is dark");
    await browser.screenshot(`${folder}/phone.png`);
}

let code = 0;
try {
    await followsTheReader();
    await fitsAPhone();
    expect(browser.errors().length === 0, `no errors: ${browser.errors()}`);
} catch (error) {
    console.error(String(error));
    code = 1;
}
await browser.close();
server.close();
process.exit(code);
