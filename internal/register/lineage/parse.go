package lineage

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	pg "github.com/pganalyze/pg_query_go/v6"
	pgquery "github.com/wasilibs/go-pgquery"
)

const maxText = 256 << 10

// parser serialises calls: the library compiles its module anew, which takes a second and 60 MB, for each call
// that runs beside others. Texts are cached, so one is enough. Compiled when first used, not when the program starts.
type parser struct {
	mu     sync.Mutex // guards the library's pool of modules
	broken atomic.Bool
	limit  int
}

func (p *parser) parse(text string) (tree *pg.ParseResult, err error) {
	if err := p.within(text); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.recovered(&err)
	tree, err = pgquery.Parse(text)
	if err != nil {
		return nil, &Refusal{Code: codeSyntax, Message: fmt.Sprintf("the register guard cannot read this statement: %v", err)}
	}
	return tree, nil
}

// normalize puts $1, $2 … in the place of a text's constants.
func (p *parser) normalize(text string) (plain string, err error) {
	if err := p.within(text); err != nil {
		return "", err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.recovered(&err)
	return pgquery.Normalize(text)
}

// maxWritten bounds the nesting of a tree that is written out as text, which takes much more stack than reading it.
const maxWritten = 40

func (p *parser) deparse(stmt *pg.RawStmt) (text string, err error) {
	if height(stmt.Stmt.ProtoReflect()) > maxWritten {
		return "", refuse(codeLimit, "Make it simpler.", "a statement over protected rows may nest at most %d levels deep", maxWritten)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.recovered(&err)
	return pgquery.Deparse(&pg.ParseResult{Stmts: []*pg.RawStmt{{Stmt: stmt.Stmt}}})
}

// recovered notes a failure inside the parser. Its memory may be damaged then, and what it says of later texts wrong, so
// nothing passes any more: bounds on nesting are there so that this does not happen.
func (p *parser) recovered(err *error) {
	if r := recover(); r != nil {
		p.broken.Store(true)
		*err = &Refusal{Code: "58000", Message: "the register guard's parser failed", Hint: "Restart the register guard."}
	}
}

func recovered(err *error) {
	if r := recover(); r != nil {
		*err = &Refusal{Code: codeLimit, Message: "the register guard cannot follow this statement", Hint: "Make it simpler."}
	}
}

func (p *parser) within(text string) error {
	limit := p.limit
	if limit <= 0 {
		limit = maxText
	}
	if len(text) > limit {
		return refuse(codeLimit, "Send it in parts.", "the statement is %d bytes long, the register guard reads %d", len(text), limit)
	}
	if strings.IndexByte(text, 0) >= 0 {
		return refuse(codeSyntax, "", "the statement contains a zero byte")
	}
	if p.broken.Load() {
		return refuse("58000", "Restart the register guard.", "the register guard's parser failed and cannot be trusted any more")
	}
	return nests(text)
}
