package rest

import (
	"context"
	"sync"
)

// InOrder fetches items, at most n at once, and hands on what came in the order of the items, from the calling
// goroutine. No more than n are fetched and not yet taken. It ends with the first error; what stands
// before that item has been taken.
func InOrder[T, R any](ctx context.Context, n int, items []T, fetch func(context.Context, T) (R, error), take func(T, R) error) error {
	type result struct {
		value R
		err   error
	}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	results := make([]chan result, len(items))
	start := func(i int) {
		if i >= len(items) {
			return
		}
		results[i] = make(chan result, 1)
		wg.Go(func() {
			value, err := fetch(ctx, items[i])
			results[i] <- result{value, err}
		})
	}
	for i := range min(n, len(items)) {
		start(i)
	}
	for i := range items {
		one := <-results[i]
		results[i] = nil
		if one.err != nil {
			return one.err
		}
		if err := take(items[i], one.value); err != nil {
			return err
		}
		start(i + n)
	}
	return nil
}
