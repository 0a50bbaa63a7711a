package meter

// parts is how many pieces a rate's window is cut into.
const parts = 12

// rate counts what happened within a sliding window, to a twelfth of it and never less.
type rate struct {
	unit int64 // a twelfth of the window, in microseconds
	at   int64 // number of the newest piece
	n    [parts + 1]int64
	sum  int64
	far  int64 // what other guards have counted, as last heard
}

// used is what all guards have counted within the window.
func (r *rate) used() int64 { return r.sum + r.far }

func newRate(window int64) *rate { return &rate{unit: window / parts} }

// advance forgets what has left the window.
func (r *rate) advance(now int64) {
	at := now / r.unit
	if at-r.at > parts {
		r.n, r.sum = [parts + 1]int64{}, 0
		r.at = at
	}
	for r.at < at {
		r.at++
		i := r.at % (parts + 1)
		r.sum -= r.n[i]
		r.n[i] = 0
	}
}

// add counts; a negative number takes back what was counted just now.
func (r *rate) add(n int64) {
	n = max(n, -r.sum)
	r.n[r.at%(parts+1)] += n
	r.sum += n
}

// clears is when the oldest piece leaves, and so the first room appears.
func (r *rate) clears(now int64) int64 {
	for i := range int64(parts + 1) {
		at := r.at - parts + i
		if r.n[(at+parts+1)%(parts+1)] > 0 {
			return max(now, (at+parts+1)*r.unit)
		}
	}
	return now
}
