package rows

import (
	"encoding/hex"
	"strings"

	"portcullis.example/portcullis"
)

// eventPrefix stands before the ids of events, and is not stored.
const eventPrefix = "event:"

// Key is the stored form of an event's id: 16 bytes for what NewID makes; any other
// stands behind 17 zeros, so that it is longer.
func Key(id portcullis.ID) []byte {
	if digits, ok := strings.CutPrefix(string(id), eventPrefix); ok && len(digits) == 32 && strings.ToLower(digits) == digits {
		if raw, err := hex.DecodeString(digits); err == nil {
			return raw
		}
	}
	return append(make([]byte, 17, 17+len(id)), id...)
}

// ID is the id that Key made a key of.
func ID(key []byte) portcullis.ID {
	if len(key) == 16 {
		return portcullis.ID(eventPrefix + hex.EncodeToString(key))
	}
	return portcullis.ID(key[min(len(key), 17):])
}
