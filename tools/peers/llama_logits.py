"""Asks llama.cpp for the log-probabilities of the next token: llama_logits.py MODEL.gguf OUT --tokens 1,2,3 [--exact]

For eight prefixes of the tokens, the whole of it among them. OUT holds `logits` [prefixes, vocabulary], which are log-probabilities,
and `positions`, the last token of each prefix. --exact: an F32 cache and no flash attention, which would round to F16.
"""
import argparse
import json
import socket
import subprocess
import time
import urllib.request

import torch
from safetensors.torch import save_file


def ask(port, path, body=None):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", json.dumps(body).encode() if body else None)
    return json.load(urllib.request.urlopen(request, timeout=600))


def wait(server, port):
    for _ in range(1200):
        if server.poll() is not None:
            raise SystemExit("llama_logits.py: llama-server ended before it answered")
        try:
            return ask(port, "/health")
        except OSError:
            time.sleep(0.1)
    raise SystemExit("llama_logits.py: llama-server did not answer for two minutes")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("out")
    parser.add_argument("--tokens", required=True)
    parser.add_argument("--exact", action="store_true")
    arguments = parser.parse_args()
    tokens = [int(token) for token in arguments.tokens.split(",")]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    exact = ["-ctk", "f32", "-ctv", "f32", "-fa", "off"] if arguments.exact else []
    server = subprocess.Popen(
        ["llama-server", "-m", arguments.model, "--host", "127.0.0.1", "--port", str(port), "-c", str(len(tokens) + 64), "-np", "1",
         "--no-webui", *exact], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait(server, port)
        count = ask(port, "/v1/models")["data"][0]["meta"]["n_vocab"]
        lengths = [len(tokens) * part // 8 for part in range(1, 9)]
        rows = torch.full((8, count), float("-inf"))
        for row, length in zip(rows, lengths):
            answer = ask(port, "/completion", {
                "prompt": tokens[:length], "n_predict": 1, "n_probs": count, "temperature": -1, "cache_prompt": False})
            for entry in answer["completion_probabilities"][0]["top_logprobs"]:
                row[entry["id"]] = entry["logprob"]
    finally:
        server.terminate()
        server.wait()
    save_file({"logits": rows, "positions": torch.tensor(lengths) - 1}, arguments.out)


if __name__ == "__main__":
    main()
