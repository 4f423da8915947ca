// The module of examples/web in Node.js, by the page's own functions: it goes on with a text as `rnnc sample` does.
// Usage: web_module.mjs FOLDER BEGINNING EXPECTED; prints the alphabet.
import fs from "fs";

const [folder, beginning, expected] = process.argv.slice(2);
const page = fs.readFileSync(`${folder}/index.html`, "utf8");
const code = page.slice(page.indexOf("// ---- The model ----"), page.indexOf("// ---- The page ----"));
const { load, draw } = await import(`data:text/javascript,${encodeURIComponent(code + "export { load, draw };")}`);

const model = await load(new Uint8Array(fs.readFileSync(`${folder}/model.wasm`)).buffer);
const goOn = () => {
    let text = "";
    model.reset();
    for (const letter of beginning) {
        model.read(model.codes.get(letter));
    }
    while (text.length < expected.length) {
        const code = draw(model.probabilities, 0.01, 0.5); // so cold that only the likeliest is left
        text += model.alphabet[code];
        model.read(code);
    }
    return text;
};
const first = goOn(), second = goOn();
const sum = model.probabilities.reduce((a, b) => a + b, 0);
console.log(model.alphabet.join(""));
if (first !== expected || second !== first || !(Math.abs(sum - 1) < 1e-4)) {
    console.error(`found ${JSON.stringify([first, second, sum])}\ninstead of ${JSON.stringify(expected)}`);
    process.exit(1);
}
