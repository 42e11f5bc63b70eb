// Which conversation the device goes on with: the one that was stored with the set, unless another
// device has it, for who duplicates a device or a track duplicates what is stored too. For [js]
// (ES5) and [v8].
//
// In: bang (from live.thisdevice), stored ID (from the parameter that Live stores), settle (the
// bridge runs).
// Out: `conversation ID`, for the bridge to go on with; without an ID it has to begin another one,
// which comes back as `stored`.

inlets = 1;
outlets = 1;

var Live = require("live").Live;

var NAME = /^live-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

// All devices of this Live share it: the id of the device that has a conversation, 0 for none.
var claims = new Global("conduit_conversations");
var live = null;
var kept = "";
var mine = "";
var running = false;

function bang() {
  live = new Live(function (path) {
    return new LiveAPI(path);
  });
}

function stored(id) {
  kept = NAME.test(String(id)) ? String(id) : "";
  if (running && kept !== mine) {
    settle();
  }
}

function settle() {
  running = true;
  if (live === null) {
    return;
  }
  var device = Number(live.at("this_device").id);
  if (!kept || taken(kept, device)) {
    kept = "";
    outlet(0, "conversation");
    return;
  }
  release();
  mine = kept;
  claims[mine] = device;
  outlet(0, "conversation", mine);
}

// The device is being deleted, moved to another track, or its set is closed.
function notifydeleted() {
  release();
}

// Ids are given to other things when another set is opened, hence the look at what it is now.
function taken(id, device) {
  var owner = Number(claims[id] || 0);
  if (!(owner > 0) || owner === device) {
    return false;
  }
  var now = live.byId(owner);
  return live.there(now) && /Device$/.test(String(now.type));
}
taken.local = 1;

function release() {
  if (mine) {
    claims[mine] = 0;
    mine = "";
  }
}
release.local = 1;
