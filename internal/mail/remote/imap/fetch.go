package imap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// fetched is what is known of one message.
type fetched struct {
	uid  imap.UID
	seq  uint32 // its place in the folder; some have gone before it since
	size int64  // as the server says; some are wrong about it
	date time.Time
	raw  []byte
	got  bool // raw is there
}

// maxBatch is how many messages one command asks for.
const maxBatch = 100

// messagesOf reads messages in the order of their UIDs.
func (r *reading) messagesOf(ctx context.Context, uids []imap.UID, w *writing) error {
	known, err := r.sizes(ctx, uids)
	if err != nil {
		return fmt.Errorf("ask for sizes in %s: %w", w.folder.Name, err)
	}
	for len(uids) > 0 {
		if r.spent() {
			w.cut = true
			return nil
		}
		first, n := uint32(uids[0]), r.batch(uids, known)
		lost := r.account.stuck.at(w.folder.Name, first)
		if lost >= stuckAlone {
			n = 1
		}
		if lost >= stuckOver {
			w.problem(uids[0], "export it from the mailbox and scan the file", fmt.Errorf("%d connections in a row were lost over this message; it was left out", lost))
			delete(known, uids[0])
		}
		if err := r.bodies(ctx, uids[:n], known, w); err != nil {
			if ctx.Err() == nil && w.state.UID < first && overIt(r.conn.guard.ended()) {
				r.account.stuck.lost(w.folder.Name, first)
			}
			return fmt.Errorf("read %s: %w", w.folder.Name, err)
		}
		uids = uids[n:]
	}
	return nil
}

// overIt tells whether a connection may have been lost over a message: not where the server has said that it has no time, or
// none at all now. A message is not left out for that, however often it happens.
func overIt(ended error) bool {
	var bye *byeError
	if !errors.As(ended, &bye) {
		return ended != nil
	}
	code, text := codeOf(bye.text)
	return !throttled(code, text) && imap.ResponseCode(strings.ToUpper(code)) != imap.ResponseCodeUnavailable
}

// batch is how many of the messages are asked for together.
func (r *reading) batch(uids []imap.UID, known map[imap.UID]*fetched) int {
	var sum int64
	for n, uid := range uids {
		if m := known[uid]; m != nil {
			sum += min(m.size, r.source.settings.chunk)
		}
		if n > 0 && sum > r.source.settings.batch || n == maxBatch {
			return n
		}
	}
	return len(uids)
}

// sizes asks what is cheap to know. What is not answered for has gone.
func (r *reading) sizes(ctx context.Context, uids []imap.UID) (map[imap.UID]*fetched, error) {
	known := make(map[imap.UID]*fetched, len(uids))
	err := r.fetch(ctx, uids, &imap.FetchOptions{UID: true, RFC822Size: true, InternalDate: true}, answerBytes, known)
	if refusedOne(err) {
		err = nil // some could not be looked at: they are asked for one by one
		for _, uid := range uids {
			if known[uid] == nil {
				known[uid] = &fetched{uid: uid}
			}
		}
	}
	return known, err
}

// bodies reads messages and hands them on.
func (r *reading) bodies(ctx context.Context, uids []imap.UID, known map[imap.UID]*fetched, w *writing) error {
	var present []imap.UID
	var sum int64
	for _, uid := range uids {
		if m := known[uid]; m != nil {
			present = append(present, uid)
			sum += min(m.size, r.source.settings.chunk)
		}
	}
	if len(present) > 0 {
		err := r.fetch(ctx, present, r.part(0), 2*sum+answerSlack, known)
		if err != nil && !refusedOne(err) {
			return err
		}
	}
	for _, uid := range uids {
		if err := r.handOn(ctx, uid, known[uid], w); err != nil {
			return err
		}
		delete(known, uid)
	}
	return nil
}

// answerSlack is by how much the sizes that servers tell may be wrong, in bytes, over a batch.
const answerSlack = 16 << 20

// refusedOne tells whether an answer is about the messages asked for, not about us, and not about what is over in a
// while: what is passed over now is never asked for again.
func refusedOne(err error) bool {
	var said *imap.Error
	return errors.As(err, &said) && said.Type == imap.StatusResponseTypeNo && !throttled(string(said.Code), said.Text) &&
		said.Code != imap.ResponseCodeUnavailable
}

// part asks for a message from offset on.
func (r *reading) part(offset int64) *imap.FetchOptions {
	return &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{{
		Peek: true, Partial: &imap.SectionPartial{Offset: offset, Size: r.source.settings.chunk},
	}}}
}

// handOn completes one message and hands it on.
func (r *reading) handOn(ctx context.Context, uid imap.UID, m *fetched, w *writing) error {
	if m == nil {
		return w.skip(uid) // expunged since
	}
	if !m.got {
		gone, err := r.alone(ctx, m)
		switch {
		case err != nil && !refusedOne(err):
			return err
		case err != nil:
			w.problem(uid, "the server does not give this message; it may be damaged there", err)
		case !gone && !m.got:
			w.problem(uid, "the message may be damaged on the server", errors.New("the server lists this message and gives nothing of it"))
		}
		if !m.got {
			return w.skip(uid)
		}
	}
	if err := r.rest(ctx, m, w); err != nil {
		return err
	}
	return w.emit(m)
}

// alone asks for one message that was left out of an answer for many, and whether it is there at all.
func (r *reading) alone(ctx context.Context, m *fetched) (gone bool, err error) {
	one := map[imap.UID]*fetched{m.uid: m}
	if err := r.fetch(ctx, []imap.UID{m.uid}, r.part(0), r.source.settings.chunk+answerSlack, one); err != nil || m.got {
		return false, err
	}
	found := map[imap.UID]*fetched{}
	if err := r.fetch(ctx, []imap.UID{m.uid}, &imap.FetchOptions{UID: true}, answerBytes, found); err != nil {
		return false, err
	}
	return len(found) == 0, nil
}

// rest reads what of a message is larger than a chunk, up to the limit.
func (r *reading) rest(ctx context.Context, m *fetched, w *writing) error {
	limit, chunk := r.source.cfg.MaxMessage, r.source.settings.chunk
	whole := m.raw
	for last := int64(len(whole)); last >= chunk && int64(len(whole)) < limit && int64(len(whole)) != m.size; {
		next := &fetched{uid: m.uid}
		err := r.fetch(ctx, []imap.UID{m.uid}, r.part(int64(len(whole))), chunk+answerSlack, map[imap.UID]*fetched{m.uid: next})
		if err != nil && !refusedOne(err) {
			return err
		}
		if err != nil || !next.got && int64(len(whole)) < m.size {
			w.problem(m.uid, "it is read as far as it came", fmt.Errorf("the server gives %d of %d bytes", len(whole), m.size))
			break
		}
		last = int64(len(next.raw))
		whole = append(whole, next.raw...)
	}
	if int64(len(whole)) > limit || int64(len(whole)) == limit && m.size > limit {
		whole = whole[:limit]
		w.problem(m.uid, "raise max_message to read more of it", fmt.Errorf("the message is larger than %d bytes; what is beyond was left out", limit))
	}
	m.raw = whole
	return nil
}

// fetch asks for messages and notes what is answered. At most so many bytes are read.
func (r *reading) fetch(ctx context.Context, uids []imap.UID, options *imap.FetchOptions, limit int64, into map[imap.UID]*fetched) error {
	if err := r.source.limiter.Wait(ctx); err != nil {
		return err
	}
	r.conn.guard.expect(limit)
	defer r.conn.guard.relax()
	cmd := r.conn.Fetch(imap.UIDSetNum(uids...), options)
	for m := cmd.Next(); m != nil; m = cmd.Next() {
		if err := r.note(m, into, options); err != nil {
			// The connection is over, and the library reads on by itself until it notices. To ask
			// for more, or to close the command, would read beside it.
			r.conn.guard.cut(err)
			return err
		}
	}
	return cmd.Close()
}

// note takes up what an answer says of one message.
func (r *reading) note(answer *imapclient.FetchMessageData, into map[imap.UID]*fetched, options *imap.FetchOptions) error {
	m := fetched{seq: answer.SeqNum}
	for item := answer.Next(); item != nil; item = answer.Next() {
		switch item := item.(type) {
		case imapclient.FetchItemDataUID:
			m.uid = item.UID
		case imapclient.FetchItemDataRFC822Size:
			m.size = item.Size
		case imapclient.FetchItemDataInternalDate:
			m.date = item.Time
		case imapclient.FetchItemDataBodySection:
			raw, err := r.literal(item.Literal)
			if err != nil {
				return err
			}
			m.raw, m.got = raw, true
		}
	}
	have := into[m.uid]
	switch {
	case m.uid == 0, len(options.BodySection) > 0 && have == nil:
		return nil // not asked for: a server may tell of other messages at any time
	case have == nil:
		into[m.uid] = &m
	case m.got:
		have.raw, have.got = m.raw, true
	}
	return nil
}

// literal reads what a server gives of a message. A connection that ends within one shows as its end, so
// the length is held against what was announced.
func (r *reading) literal(l imap.LiteralReader) ([]byte, error) {
	if l == nil {
		return nil, nil
	}
	size := l.Size()
	if size > r.source.cfg.MaxMessage+r.source.settings.chunk {
		err := fmt.Errorf("%w: %d bytes of one message", errTooMuch, size)
		r.conn.guard.cut(err)
		_, _ = io.Copy(io.Discard, l) // the library waits for the literal to be read; it ends with the connection
		return nil, err
	}
	raw := make([]byte, 0, min(size, r.source.settings.chunk)+1)
	buf := raw[:cap(raw)]
	n := 0
	for {
		k, err := l.Read(buf[n:])
		if n += k; err != nil {
			if err != io.EOF {
				return nil, err
			}
			break
		}
		if n == len(buf) {
			buf = append(buf, make([]byte, len(buf))...)
		}
	}
	if int64(n) != size {
		return nil, fmt.Errorf("a message ends after %d of %d bytes: %w", n, size, io.ErrUnexpectedEOF)
	}
	return buf[:n:n], nil
}
