package records

import (
	"context"
	"fmt"
	"math"
	"slices"
)

// What mail from a sender or an organisation there was is asked for each message of a
// batch, and of most batches a good part comes from the same few: the house itself, its
// newspapers. Who is asked about again within one transaction is answered from memory:
// a stretch of their contacts is read once, and what the transaction adds goes in there
// as well. Nothing outlives the transaction, so nobody else can have changed it.
const (
	maxWindows    = 256  // senders and organisations remembered in one transaction
	maxWindow     = 1024 // contacts of one of them, before the oldest half is let go
	windowAfter   = 2    // times that one is asked about before its contacts are read
	windowBackoff = 4    // each further reading waits for so many times more questions
	windowMargin  = 64   // contacts read beyond the limit, and from the time asked about on
)

// sent is one contact as a window keeps it.
type sent struct {
	time, message int64
	recipient     string
}

// window is a stretch of the contacts of one sender or organisation, without gaps.
type window struct {
	asked, after int    // questions the window could not answer, and how many of them make it be read
	list         []sent // in the order of time
	read         bool
	whole        bool  // there is nothing older
	until        int64 // what is from then on is not in the list
	oldest       int64 // time of the first contact of all
}

// windows are by column and key.
type windows map[[2]string]*window

// latest answers from a window, reading it where that has become worth it; ok is false
// if the store is to be asked.
func (r *Reader) latest(ctx context.Context, column, key string, limit int, before int64) (list []sent, oldest int64, ok bool, err error) {
	if r.recent == nil {
		return nil, 0, false, nil
	}
	w := r.recent[[2]string{column, key}]
	if w == nil {
		if len(r.recent) < maxWindows {
			r.recent[[2]string{column, key}] = &window{asked: 1, after: windowAfter}
		}
		return nil, 0, false, nil
	}
	if list, ok := w.before(before, limit); ok {
		return list, w.oldest, true, nil
	}
	if w.asked++; w.asked < w.after {
		return nil, 0, false, nil
	}
	w.asked, w.after = 0, w.after*windowBackoff
	if err := r.readWindow(ctx, w, column, key, limit, before); err != nil {
		return nil, 0, false, fmt.Errorf("read the history of a sender: %w", err)
	}
	list, ok = w.before(before, limit)
	return list, w.oldest, ok, nil
}

// readWindow reads what there is around a time.
func (r *Reader) readWindow(ctx context.Context, w *window, column, key string, limit int, before int64) error {
	of := `SELECT time, message, recipient FROM mail_contact WHERE ` + column + `=$1 AND time`
	list, err := r.sent(ctx, of+fmt.Sprintf(`<$2 ORDER BY time DESC LIMIT %d`, limit+windowMargin), key, before)
	if err != nil {
		return err
	}
	slices.Reverse(list)
	later, err := r.sent(ctx, of+fmt.Sprintf(`>=$2 ORDER BY time LIMIT %d`, windowMargin), key, before)
	if err != nil {
		return err
	}
	w.whole, w.until = len(list) < limit+windowMargin, math.MaxInt64
	if len(later) == windowMargin {
		w.until = later[len(later)-1].time
		later = slices.DeleteFunc(later, func(s sent) bool { return s.time == w.until })
	}
	w.list, w.read = append(list, later...), true
	switch {
	case w.whole && len(w.list) > 0:
		w.oldest = w.list[0].time
	case w.whole:
		w.oldest = math.MaxInt64
	default:
		return r.q.QueryRowContext(ctx, `SELECT min(time) FROM mail_contact WHERE `+column+`=$1`, key).Scan(&w.oldest)
	}
	return nil
}

func (r *Reader) sent(ctx context.Context, query, key string, at int64) (list []sent, err error) {
	answer, err := r.q.QueryContext(ctx, query, key, at)
	if err != nil {
		return nil, err
	}
	defer answer.Close()
	for answer.Next() {
		var s sent
		if err := answer.Scan(&s.time, &s.message, &s.recipient); err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, answer.Err()
}

// before gives the latest contacts before a time, up to a limit; ok is false where the
// window does not reach. Which of several at the same moment a limit lets in is the
// store's to say, so it is asked then.
func (w *window) before(t int64, limit int) (list []sent, ok bool) {
	if !w.read || t > w.until {
		return nil, false
	}
	end, _ := slices.BinarySearchFunc(w.list, t, func(s sent, t int64) int {
		if s.time < t {
			return -1
		}
		return 1
	})
	start := end - limit
	switch {
	case w.whole && start <= 0:
		return w.list[:end], true
	case start <= 0 || w.list[start-1].time == w.list[start].time:
		return nil, false
	}
	return w.list[start:end], true
}

// add takes a contact that was stored just now.
func (w *window) add(s sent) {
	if !w.read {
		return
	}
	w.oldest = min(w.oldest, s.time)
	if s.time >= w.until && w.until != math.MaxInt64 || !w.whole && s.time < w.list[0].time {
		return
	}
	at := len(w.list)
	for at > 0 && w.list[at-1].time > s.time {
		at--
	}
	for i := at - 1; i >= 0 && w.list[i].time == s.time; i-- {
		if w.list[i] == s {
			return // two contacts that are one row
		}
	}
	w.list = slices.Insert(w.list, at, s)
	if len(w.list) > maxWindow {
		w.list, w.whole = slices.Delete(w.list, 0, maxWindow/2), false
	}
}

// added tells the windows of contacts that were stored.
func (r *Reader) added(num, t int64, contacts []Contact) {
	for _, c := range contacts {
		s := sent{t, num, c.Recipient}
		if w := r.recent[[2]string{byOrg, c.Org}]; w != nil {
			w.add(s)
		}
		if w := r.recent[[2]string{bySender, c.Sender}]; w != nil {
			w.add(s)
		}
	}
}

// forget empties the windows, for contacts were removed.
func (r *Reader) forget() { clear(r.recent) }
