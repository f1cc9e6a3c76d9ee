// The page: onnxruntime-web and the network from the page itself, a picture or the camera in, keypoints out.

const element = (name) => document.getElementById(name);
const settings = JSON.parse(element("settings").textContent);

function say(sentence, wrong = false) {
  element("status").textContent = sentence;
  element("status").classList.toggle("mark", wrong);
}

// What stands packed in an element: gzip in base64.
async function unpacked(name) {
  const bytes = Uint8Array.from(atob(element(name).textContent), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function openNetwork() {
  const glue = new Blob([await unpacked("glue")], { type: "text/javascript" });
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = { mjs: URL.createObjectURL(glue) };
  ort.env.wasm.wasmBinary = await unpacked("binary");
  return ort.InferenceSession.create(await unpacked("network"), { executionProviders: ["wasm"] });
}

// The whole picture is one person's box.
async function estimate(session, picture) {
  const crop = cropOf([0, 0, picture.width, picture.height], settings);
  const input = new ort.Tensor("float32", inputOf(picture, crop, settings), [1, 3, ...settings.input_size]);
  const before = performance.now();
  const found = (await session.run({ [session.inputNames[0]]: input }))[session.outputNames[0]];
  const milliseconds = performance.now() - before;
  return { keypoints: keypointsOf(found.data, found.dims.slice(1), crop, settings), milliseconds };
}

async function show(session, picture, name) {
  const { keypoints, milliseconds } = await estimate(session, picture);
  draw(element("picture"), picture, keypoints, settings);
  fillTable(element("keypoints"), keypoints, settings);
  element("result").hidden = false;
  const sure = keypoints.filter((point) => point.score >= DRAWN).length;
  say(`${name}: ${sure} of ${keypoints.length} keypoints are drawn. The network took ${milliseconds.toFixed(0)} ms.`);
}

function start(session) {
  let stream = null, waiting = Promise.resolve();
  const video = document.createElement("video");
  video.muted = video.playsInline = true;
  // One picture after another: a session runs one at a time.
  const next = (work) => (waiting = waiting.then(work).catch((error) => say(error.message, true)));
  const stopCamera = () => {
    for (const track of stream ? stream.getTracks() : []) track.stop();
    stream = null;
    element("camera").textContent = "Start the camera";
  };
  const take = (file) => next(async () => {
    if (!file) return;
    stopCamera();
    say(`${file.name} is being read.`);
    await show(session, await pictureOf(file, settings.on_orientation), file.name);
  });
  const follow = async () => {
    if (!stream) return;
    const { videoWidth, videoHeight } = video;
    if (videoWidth) await next(() => stream && show(session, pixelsOf(video, videoWidth, videoHeight), "Camera"));
    requestAnimationFrame(follow);
  };
  // The file that was chosen may be chosen again after another picture.
  const forgetFile = () => {
    element("file").value = "";
  };
  element("camera").addEventListener("click", async () => {
    if (stream) {
      stopCamera();
      return;
    }
    forgetFile();
    // Until the user has answered, another click would start another camera.
    element("camera").disabled = true;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: true });
      video.srcObject = stream;
      await video.play();
    } catch (error) {
      stopCamera();
      say(`The camera cannot be used: ${error.message}.`, true);
      return;
    } finally {
      element("camera").disabled = false;
    }
    element("camera").textContent = "Stop the camera";
    follow();
  });
  element("file").addEventListener("change", (event) => take(event.target.files[0]));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    forgetFile();
    take(event.dataTransfer.files[0]);
  });
  for (const name of ["file", "camera"]) element(name).disabled = false;
  if (!navigator.mediaDevices) {
    element("camera").disabled = true;
    element("no-camera").hidden = false;
  }
  say("The network is ready.");
}

document.addEventListener("dragover", (event) => event.preventDefault());
openNetwork().then(start, (error) => say(`This browser cannot run the network: ${error.message}`, true));
