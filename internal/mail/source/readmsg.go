package source

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
)

// readMSG reads an Outlook message (MS-OXMSG) and hands it on as RFC 5322.
func (u *unit) readMSG(s *stream) error {
	raw, size := s.w.take(u.cfg.MaxMessage, math.MaxInt64)
	if err := s.w.failure(); err != nil {
		return u.readError(s, err)
	}
	if size > int64(len(raw)) {
		u.fail(s, 0, fmt.Errorf("an Outlook message of %d bytes is larger than the limit of %d: it was not read", size, u.cfg.MaxMessage),
			"split or export it in smaller pieces; messages are read up to 64 MiB")
		return nil
	}
	u.pos.Start, u.pos.Offset = 0, size
	m, err := readCompoundMessage(readerAt(raw), 2*size+1<<20)
	switch {
	case errors.Is(err, errNoMessage):
		u.fail(s, 0, err, "remove it from the folder; only .msg files of Outlook are mail")
		return nil
	case m == nil:
		u.fail(s, 0, err, "the file is damaged; save the message again from Outlook")
		return nil
	case err != nil:
		u.fail(s, 0, err, "part of the message could not be read; save it again from Outlook")
	}
	item := Item{Raw: m.render(), Rebuilt: true, Envelope: m.envelope()}
	return u.hand(s, item)
}

// readerAt is a compound file in memory, padded: the last sector of a file is
// often cut to what is used of it, and the library wants whole ones.
func readerAt(raw []byte) io.ReaderAt {
	const sector = 4096
	return bytes.NewReader(append(raw, make([]byte, sector-len(raw)%sector)...))
}
