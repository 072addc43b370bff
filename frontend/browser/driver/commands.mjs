// Executes commands from standard input, one JSON object per line, and answers each with a line of JSON.
import { createInterface } from 'node:readline';

/** `commands` has a function for each command, which takes the rest of the line. Ends with the input. */
export async function runCommands(commands) {
  for await (const text of createInterface({ input: process.stdin })) {
    const { command, ...options } = JSON.parse(text);
    try {
      console.log(JSON.stringify({ done: (await commands[command](options)) ?? null }));
    } catch (error) {
      console.log(JSON.stringify({ failed: String(error) }));
    }
  }
}
