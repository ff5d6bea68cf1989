#!/usr/bin/env python3
"""A service of the Python original's kind, for bench_serve.py: FastAPI and uvicorn, CLIP ViT-B/32 by
PyTorch on the centre of the frame, cosine with 150 rows, one frame after another on the event loop.
Weights and rows are made up, which changes nothing about the time. No detector.

    fastapi_server.py PORT

Exits 3 where FastAPI or PyTorch is missing. Debian: python3-fastapi python3-uvicorn python3-multipart
python3-torch python3-pil."""
import io
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools" / "reference"))
try:
    import torch
    import uvicorn
    from fastapi import FastAPI, File, Form, UploadFile
    from PIL import Image
    import clip_reference as reference
except ImportError as error:
    print(f"fastapi_server: {error}", file=sys.stderr)
    sys.exit(3)

torch.set_grad_enabled(False)
CASE = reference.CASES["b32"]
STATE = reference.weights(CASE)
ROWS = torch.nn.functional.normalize(torch.randn(150, CASE["dim"], generator=torch.manual_seed(1)))
APP = FastAPI()


@APP.post("/api/falcon")
async def falcon(image: UploadFile = File(...), query: str = Form(...)):
    began = time.perf_counter()
    frame = Image.open(io.BytesIO(await image.read())).convert("RGB")
    w, h = frame.size
    crop = frame.crop((w // 10, h // 20, w - w // 10, h - h // 20))
    pixels = torch.as_tensor(reference.preprocess(crop, CASE["side"])).float()
    vector = reference.forward(STATE, CASE, pixels.reshape(1, 3, CASE["side"], CASE["side"]))[0]
    scores, rows = torch.topk(ROWS @ vector, 3)
    return {"image_size": [w, h], "count": 1, "query": query, "masks": [
        {"label": str(int(rows[0])), "score": float(scores[0]),
         "top_k": [{"name": str(int(r)), "score": float(s)} for s, r in zip(scores, rows)]}],
        "elapsed_seconds": round(time.perf_counter() - began, 3)}


@APP.get("/health")
async def health():
    return {"phase": "ready"}


if __name__ == "__main__":
    uvicorn.run(APP, host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
