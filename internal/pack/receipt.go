package pack

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"portcullis.example/portcullis"
)

// A receipt is all that an issuer may learn, and only if the house hands it over: how many people
// the pack's indicators reached, exactly, noised, or not at all.
//
// Noise is two-sided geometric: a whole number k is added with a probability in proportion to
// exp(-ε·|k|) (Ghosh, Roughgarden and Sundararajan, 2009). One person more or less changes the count
// by one, so whoever reads it can tell whether a given person was reached at odds of at most e^ε to 1
// better than before. A second draw about the same pack would let the noise be averaged away, so the
// first is stored and given out again.

// Receipt is a count for the issuer.
type Receipt struct {
	Pack     portcullis.ID
	Digest   string  // of the pack
	Count    int     // of people; not used where it is withheld
	Epsilon  float64 // 0: exact
	Withheld bool
	Made     time.Time
	House    string // who says so; may be empty
}

// Limits of epsilon: below the first a count says nothing, above the second it is exact.
const (
	leastEpsilon = 0.01
	mostEpsilon  = 10
)

// Text is the receipt as a file, not signed.
func (r Receipt) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "portcullis-receipt/v1\npack: sha256:%s\n", r.Digest)
	if r.House != "" {
		fmt.Fprintf(&b, "house: %s\n", strings.Join(strings.Fields(cleanText(r.House)), " "))
	}
	fmt.Fprintf(&b, "made: %s\n", r.Made.UTC().Format(time.DateOnly)) // the hour would tell how long it took
	switch {
	case r.Withheld:
		b.WriteString("people: withheld\n")
	case r.Epsilon > 0:
		fmt.Fprintf(&b, "people: %d\nnoise: geometric, epsilon %s\n", r.Count, strconv.FormatFloat(r.Epsilon, 'g', -1, 64))
	default:
		fmt.Fprintf(&b, "people: %d\nnoise: none\n", r.Count)
	}
	return b.String()
}

// SignReceipt gives the text of a receipt as a signed note.
func SignReceipt(text string, s note.Signer) ([]byte, error) {
	signed, err := note.Sign(&note.Note{Text: text}, s)
	if err != nil {
		return nil, fmt.Errorf("sign the receipt: %w", err)
	}
	return signed, nil
}

// Noised adds noise to a count; random nil is the system's. It is never below 0, which
// spends nothing of ε.
func Noised(count int, epsilon float64, random io.Reader) (int, error) {
	if !(epsilon >= leastEpsilon && epsilon <= mostEpsilon) {
		return 0, fmt.Errorf("epsilon %g: from %g (much noise) to %d (next to none)", epsilon, leastEpsilon, mostEpsilon)
	}
	if random == nil {
		random = rand.Reader
	}
	a, err := geometric(epsilon, random)
	if err != nil {
		return 0, err
	}
	b, err := geometric(epsilon, random)
	if err != nil {
		return 0, err
	}
	return max(0, count+a-b), nil // the difference of two geometric draws is two-sided
}

// geometric draws k with the probability (1-α)·α^k, α = exp(-ε). A whole number comes out, so the
// low bits of floating point, which betray a Laplace draw (Mironov, 2012), betray nothing.
func geometric(epsilon float64, random io.Reader) (int, error) {
	var b [8]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return 0, fmt.Errorf("draw noise: %w", err)
	}
	u := (float64(binary.BigEndian.Uint64(b[:])>>11) + 1) / (1 << 53) // in (0, 1]
	return int(math.Floor(math.Log(u) / -epsilon)), nil
}

// ErrNoPack says that a pack was never hunted with.
var ErrNoPack = errors.New("this house has not hunted with that pack; `portcullis hunt --pack FILE` does")

// Receipted stores a receipt, or returns the one that was given out before with the same ε for a
// count that has not changed since.
func (w *Writer) Receipted(ctx context.Context, r Receipt, exact int, who string) (text string, again bool, err error) {
	key := ""
	if r.Epsilon > 0 {
		key = fmt.Sprintf("%g of %d", r.Epsilon, exact)
		err := w.tx.QueryRowContext(ctx, `SELECT body FROM pack_receipt WHERE pack = $1 AND epsilon = $2 ORDER BY num LIMIT 1`, string(r.Pack), key).Scan(&text)
		if !errors.Is(err, sql.ErrNoRows) {
			return text, err == nil, err
		}
	}
	var num int64
	if err := w.tx.QueryRowContext(ctx, `SELECT coalesce(max(num), 0) + 1 FROM pack_receipt WHERE pack = $1`, string(r.Pack)).Scan(&num); err != nil {
		return "", false, fmt.Errorf("store a receipt: %w", err)
	}
	text = r.Text()
	_, err = w.exec(ctx, "a receipt", `INSERT INTO pack_receipt (pack, num, made, who, epsilon, body) VALUES ($1,$2,$3,$4,$5,$6)`,
		string(r.Pack), num, r.Made.UnixMicro(), who, key, text)
	return text, false, err
}

// Receipts counts the receipts with noise that were given out about a pack: each spends its ε.
func (r *Reader) Receipts(ctx context.Context, id portcullis.ID) (n int, err error) {
	if err := r.q.QueryRowContext(ctx, `SELECT count(*) FROM pack_receipt WHERE pack = $1 AND epsilon <> ''`, string(id)).Scan(&n); err != nil {
		return 0, fmt.Errorf("read receipts: %w", err)
	}
	return n, nil
}
