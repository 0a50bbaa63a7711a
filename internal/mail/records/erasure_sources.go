package records

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"portcullis.example/portcullis"
)

// eraseSources takes the person out of where mail lay and of how far it was read. A mailbox is named in the path of
// what was read from it ("imap:members/anna@house.example/Sent"), in links that servers give to go on from, and
// in what they say where they refuse; and mail that others got may have been read there.
func (w *Writer) eraseSources(ctx context.Context, e Erasure) error {
	return errors.Join(w.erasePlaces(ctx, e), w.erasePositions(ctx, e), w.eraseNotices(ctx, e))
}

// erasePlaces renames the sources of deliveries that stay.
func (w *Writer) erasePlaces(ctx context.Context, e Erasure) error {
	named := map[string]string{}
	err := w.eachPair(ctx, `SELECT DISTINCT source, '' FROM mail_delivery`, func(source, _ string) {
		if e.mentions(source) {
			named[source] = e.scrub(strings.ReplaceAll(source, "%40", "@"))
		}
	})
	if err != nil {
		return err
	}
	for source, without := range named {
		// Two places may become one: of a message that lay at the same offset of both, one delivery is left.
		err := w.exec(ctx, "erasure", `DELETE FROM mail_delivery WHERE source=$1 AND EXISTS (SELECT 1 FROM mail_delivery AS other
			WHERE other.message=mail_delivery.message AND other.at=mail_delivery.at AND other.source=$2)`, source, without)
		if err != nil {
			return err
		}
		if err := w.exec(ctx, "erasure", `UPDATE mail_delivery SET source=$2 WHERE source=$1`, source, without); err != nil {
			return err
		}
	}
	return nil
}

// erasePositions removes positions that name the person: what they stood for is listed again then, and what is known
// is not stored twice. Of how it stands with a mailbox only the sentence goes in which the person is named.
func (w *Writer) erasePositions(ctx context.Context, e Erasure) error {
	found := map[string]string{}
	err := w.eachPair(ctx, `SELECT file, position FROM mail_source`, func(file, position string) {
		if e.mentions(position) {
			found[file] = position
		}
	})
	if err != nil {
		return err
	}
	for file, position := range found {
		if left := e.healthWithout(position); left != "" {
			err = w.PutPosition(ctx, file, []byte(left))
		} else {
			err = w.exec(ctx, "erasure", `DELETE FROM mail_source WHERE file=$1`, file)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// eachPair calls fn for each row of two texts. fn must not ask the database.
func (w *Writer) eachPair(ctx context.Context, query string, fn func(a, b string)) (err error) {
	list, err := w.tx.QueryContext(ctx, query)
	if err != nil {
		return fmt.Errorf("erase: %w", err)
	}
	defer func() { err = errors.Join(err, list.Close()) }()
	for list.Next() {
		var a, b string
		if err := list.Scan(&a, &b); err != nil {
			return fmt.Errorf("erase: %w", err)
		}
		fn(a, b)
	}
	return list.Err()
}

// eraseNotices takes the person out of events without bytes, as a mailbox that fell silent is one: the
// sentence of one mailbox's silence may name another's owner, where a server says so.
func (w *Writer) eraseNotices(ctx context.Context, e Erasure) error {
	notices, err := w.ids(ctx, `SELECT id FROM mail_message WHERE size=0`)
	if err != nil {
		return err
	}
	for _, id := range notices {
		v, ok, err := w.Verdict(ctx, id)
		if err != nil {
			return err
		}
		if !ok || !slices.ContainsFunc(v.Findings, func(f portcullis.Finding) bool { return e.mentions(f.Summary) || e.mentions(f.Flip) }) {
			continue
		}
		num, err := w.number(ctx, id)
		if err != nil {
			return err
		}
		if err := w.scrubVerdict(ctx, id, num, e); err != nil {
			return err
		}
	}
	return nil
}

// healthWithout is how it stands with a mailbox, without the person; "" for any other position.
func (e Erasure) healthWithout(position string) string {
	var health map[string]json.RawMessage
	var reason string
	if json.Unmarshal([]byte(position), &health) != nil || health["first"] == nil || json.Unmarshal(health["reason"], &reason) != nil {
		return ""
	}
	scrubbed, err := json.Marshal(e.scrub(strings.ReplaceAll(reason, "%40", "@")))
	if err != nil { // a string only
		return ""
	}
	health["reason"] = scrubbed
	left, err := json.Marshal(health)
	if err != nil || e.mentions(string(left)) {
		return ""
	}
	return string(left)
}

// mentions tells whether a path, a link or a text names the person, in the coding of addresses of the web too.
func (e Erasure) mentions(text string) bool {
	text = strings.ToLower(strings.ReplaceAll(text, "%40", "@"))
	return slices.ContainsFunc(slices.Concat(e.Addresses, e.Names), func(what string) bool {
		what = strings.ToLower(strings.TrimSpace(what))
		return what != "" && strings.Contains(text, what)
	})
}
