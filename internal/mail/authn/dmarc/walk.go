package dmarc

import (
	"context"
	"errors"
	"strings"

	"portcullis.example/portcullis/internal/mail/authn/lookup"
)

// maxQueries is what a tree walk asks at most (RFC 9989 §4.10).
const maxQueries = 8

// node is a name of a walk that has exactly one DMARC record.
type node struct {
	name   string
	record *Record
}

// walker asks each name once per message, since the walks of author, SPF and
// DKIM domains meet further up.
type walker struct {
	resolver lookup.Resolver
	asked    map[string]answer
}

type answer struct {
	record   *Record // nil: none, or several, which is as none (§4.10 step 2)
	multiple bool
	err      error
}

// targets lists the names a walk asks, from the domain itself up to its top
// label (§4.10 steps 1, 3, 4 and 7). A name of more than eight labels is cut to
// seven after its first query.
func targets(domain string) []string {
	names := make([]string, 1, maxQueries)
	names[0] = domain
	labels := strings.Count(domain, ".") + 1
	for {
		_, parent, ok := strings.Cut(domain, ".")
		if !ok {
			return names
		}
		domain = parent
		if labels--; labels < maxQueries {
			names = append(names, domain)
		}
	}
}

// ask looks for the record of one name. Several records are discarded together.
func (w *walker) ask(ctx context.Context, name string) answer {
	if a, ok := w.asked[name]; ok {
		return a
	}
	var a answer
	txts, err := w.resolver.LookupTXT(ctx, "_dmarc."+name)
	if err != nil && !errors.Is(err, lookup.ErrNotFound) {
		a.err = err
	}
	for _, txt := range txts {
		rec, err := Parse(txt)
		switch {
		case err != nil:
		case a.record != nil || a.multiple:
			a = answer{multiple: true}
		default:
			a.record = rec
		}
	}
	w.asked[name] = a
	return a
}

// walk returns the names with a record, longest first. It stops behind a
// record that says psd=y or psd=n.
func (w *walker) walk(ctx context.Context, domain string) ([]node, error) {
	var nodes []node
	for _, name := range targets(domain) {
		a := w.ask(ctx, name)
		if a.err != nil {
			return nil, a.err
		}
		if a.record == nil {
			continue
		}
		nodes = append(nodes, node{name, a.record})
		if a.record.PSD != 'u' {
			break
		}
	}
	return nodes, nil
}

// organisational selects the organisational domain from a walk (§4.10.2).
func organisational(start string, nodes []node) string {
	for _, n := range nodes {
		if n.record.PSD == 'n' {
			return n.name
		}
		if n.record.PSD == 'y' && n.name != start {
			return oneBelow(start, n.name)
		}
	}
	if len(nodes) > 0 {
		return nodes[len(nodes)-1].name
	}
	return start
}

// oneBelow is the name one label below parent on the way to name.
func oneBelow(name, parent string) string {
	rest := strings.TrimSuffix(name, "."+parent)
	return rest[strings.LastIndexByte(rest, '.')+1:] + "." + parent
}

// OrganisationalDomain finds the organisational domain of a name by a walk.
func OrganisationalDomain(ctx context.Context, r lookup.Resolver, domain string) (string, error) {
	w := walker{resolver: r, asked: map[string]answer{}}
	domain = lookup.Canonical(domain)
	nodes, err := w.walk(ctx, domain)
	if err != nil {
		return "", err
	}
	return organisational(domain, nodes), nil
}
