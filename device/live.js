// Reading Live through a LiveAPI that is handed in. Changes nothing. For [js]: ES5.
//
// Ids are looked up anew for every request and never kept: Live may give them to something else.

var refuse = require("refusal").refuse;

exports.Live = Live;

var MOST_UP = 16; // racks in racks

// `make` gives a LiveAPI for a path or "id N". Only call it after live.thisdevice said so.
function Live(make) {
  this.make = make;
}

Live.prototype.at = function (path) {
  return this.make(path);
};

Live.prototype.byId = function (id) {
  return this.make("id " + id);
};

// A list of what `work` makes of each object. One LiveAPI goes from object to object, for it takes
// far longer to make one than to read from it; `work` must not keep it.
Live.prototype.map = function (ids, work) {
  var cursor = null;
  var made = [];
  for (var i = 0; i < ids.length; i++) {
    if (cursor !== null) {
      cursor.id = ids[i];
    }
    if (cursor === null || Number(cursor.id) !== ids[i]) {
      cursor = this.byId(ids[i]);
    }
    made.push(work(cursor, i));
  }
  return made;
};

Live.prototype.names = function (ids) {
  var self = this;
  return this.map(ids, function (api) {
    return self.text(api, "name");
  });
};

Live.prototype.there = function (api) {
  return Boolean(api) && Number(api.id) > 0;
};

// The one value of a property; `otherwise` where this Live or this object has none.
Live.prototype.value = function (api, property, otherwise) {
  var found;
  try {
    found = api.get(property);
  } catch (error) {
    return otherwise;
  }
  var first = found && typeof found === "object" ? found[0] : found;
  return first === undefined || first === null ? otherwise : first;
};

Live.prototype.number = function (api, property, otherwise) {
  var found = Number(this.value(api, property, otherwise));
  return isFinite(found) ? found : otherwise;
};

Live.prototype.flag = function (api, property) {
  return this.number(api, property, 0) !== 0;
};

Live.prototype.text = function (api, property) {
  var found;
  try {
    found = api.get(property);
  } catch (error) {
    return "";
  }
  if (found === undefined || found === null) {
    return "";
  }
  return typeof found === "object" ? Array.prototype.join.call(found, " ") : String(found);
};

Live.prototype.list = function (api, property) {
  var found;
  try {
    found = api.get(property);
  } catch (error) {
    return [];
  }
  return found && typeof found === "object" ? Array.prototype.slice.call(found) : [];
};

// The ids of a child, or of a list of children: Live says "id", 3, "id", 4.
Live.prototype.ids = function (api, child) {
  var found = this.list(api, child);
  var ids = [];
  for (var i = 0; i + 1 < found.length; i += 2) {
    if (found[i] === "id" && Number(found[i + 1]) > 0) {
      ids.push(Number(found[i + 1]));
    }
  }
  return ids;
};

Live.prototype.child = function (api, child) {
  var ids = this.ids(api, child);
  return ids.length ? this.byId(ids[0]) : null;
};

// Whether this version of Live has a function: `info` names all there are.
Live.prototype.can = function (api, name) {
  var lines = String(api.info || "").split("\n");
  for (var i = 0; i < lines.length; i++) {
    var words = lines[i].split(/\s+/);
    if (words[0] === "function" && words[1] === name) {
      return true;
    }
  }
  return false;
};

Live.prototype.song = function () {
  return this.at("live_set");
};

// The id of the selected track, 0 where there is none.
Live.prototype.selectedTrack = function () {
  return this.ids(this.at("live_set view"), "selected_track")[0] || 0;
};

// The id of the track that this device stands on, also in a rack; 0 where it cannot be said.
Live.prototype.ownTrack = function () {
  var path = "this_device";
  for (var up = 0; up < MOST_UP; up++) {
    path += " canonical_parent";
    var api = this.at(path);
    if (!this.there(api) || String(api.type) === "Track") {
      return this.there(api) ? Number(api.id) : 0;
    }
  }
  return 0;
};

// A track by its number, by its name, or the one with the id `selected`. Throws a Refusal when it
// is gone, or when a name could mean two of them: nothing is guessed.
Live.prototype.track = function (wanted, selected, others) {
  var song = this.song();
  var ids = this.ids(song, "tracks");
  if (others) {
    ids = ids.concat(this.ids(song, "return_tracks"), this.ids(song, "master_track"));
  }
  var index = -1;
  if (wanted === "selected") {
    index = ids.indexOf(selected);
    if (index < 0) {
      refuse(
        "not_found",
        selected
          ? "the track that was selected is gone, or takes no clips"
          : "no track is selected",
        "select a track and ask again; nothing was changed"
      );
    }
  } else if (typeof wanted === "number") {
    index = wanted < ids.length ? wanted : -1;
    if (index < 0) {
      refuse("not_found", "there is no track " + wanted, "the set has " + ids.length + ", from 0");
    }
  } else {
    index = this.named(ids, wanted, "track");
  }
  var api = this.byId(ids[index]);
  return { api: api, name: this.text(api, "name") };
};

// The place in `ids` of what has this name. Case counts only where it tells two apart.
Live.prototype.named = function (ids, wanted, what) {
  var exact = [];
  var alike = [];
  var names = this.names(ids);
  for (var i = 0; i < ids.length; i++) {
    var name = names[i];
    if (name === wanted) {
      exact.push(i);
    } else if (name.toLowerCase() === String(wanted).toLowerCase()) {
      alike.push(i);
    }
  }
  var found = exact.length ? exact : alike;
  if (found.length === 1) {
    return found[0];
  }
  var quoted = '"' + String(wanted).substring(0, 60) + '"';
  if (found.length > 1) {
    refuse(
      "conflict",
      found.length + " " + what + "s are named " + quoted,
      "use a number: " + found.slice(0, 8).join(" or ")
    );
  }
  refuse(
    "not_found",
    "there is no " + what + " named " + quoted,
    names.length ? "there are: " + names.slice(0, 12).join(", ").substring(0, 300) : "there is none"
  );
};

// Runs `work` so that Live's undo takes it back in one step, where this Live can do that. The two
// functions are in no reference, so `info` need not name them: they are called on the off chance.
Live.prototype.inOneStep = function (work) {
  var song = this.song();
  var joined = attempt(song, "begin_undo_step");
  try {
    return work();
  } finally {
    if (joined) {
      attempt(song, "end_undo_step");
    }
  }
};

function attempt(api, name) {
  try {
    api.call(name);
    return true;
  } catch (error) {
    return false;
  }
}
