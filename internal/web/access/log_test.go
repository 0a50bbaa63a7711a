package access

import (
	"log/slog"

	"portcullis.example/portcullis"
)

func testLog(d *desk) *slog.Logger {
	return slog.New(slog.NewTextHandler(&lockedWriter{d: d}, nil))
}

type lockedWriter struct{ d *desk }

func (w *lockedWriter) Write(b []byte) (int, error) {
	w.d.mu.Lock()
	defer w.d.mu.Unlock()
	return w.d.log.Write(b)
}

func ids(list ...string) (out []portcullis.ID) {
	for _, s := range list {
		out = append(out, portcullis.ID(s))
	}
	return out
}
