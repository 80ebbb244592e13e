package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// ErrTooLarge is returned when a caller asks for more tokens than a bucket can ever hold.
var ErrTooLarge = errors.New("ratelimit: request exceeds the burst size")

// Clock tells the time; tests use one that stands still.
type Clock interface {
	Now() time.Time
	After(d time.Duration) <-chan time.Time
}

type bucket struct {
	tokens   float64
	updated  time.Time
	lastSeen time.Time
}

// Limiter keeps one token bucket per key.
type Limiter struct {
	mu      sync.Mutex
	buckets map[string]*bucket
	rate    float64 // tokens per second
	burst   float64
	clock   Clock
}

func New(rate float64, burst int, clock Clock) (*Limiter, error) {
	if rate <= 0 || burst <= 0 {
		return nil, fmt.Errorf("ratelimit: rate %v and burst %d must be positive", rate, burst)
	}
	return &Limiter{
		buckets: make(map[string]*bucket),
		rate:    rate,
		burst:   float64(burst),
		clock:   clock,
	}, nil
}

// Reserve takes n tokens and reports how long the caller has to wait before using them.
func (l *Limiter) Reserve(key string, n int) (time.Duration, error) {
	if float64(n) > l.burst {
		return 0, ErrTooLarge
	}
	l.mu.Lock()
	defer l.mu.Unlock()

	now := l.clock.Now()
	b, ok := l.buckets[key]
	if !ok {
		b = &bucket{tokens: l.burst, updated: now}
		l.buckets[key] = b
	}
	elapsed := now.Sub(b.updated).Seconds()
	b.tokens = min(l.burst, b.tokens+elapsed*l.rate)
	b.updated, b.lastSeen = now, now
	b.tokens -= float64(n)
	if b.tokens >= 0 {
		return 0, nil
	}
	return time.Duration(-b.tokens / l.rate * float64(time.Second)), nil
}

// Wait blocks until n tokens are available or the context is done.
func (l *Limiter) Wait(ctx context.Context, key string, n int) error {
	delay, err := l.Reserve(key, n)
	if err != nil || delay == 0 {
		return err
	}
	select {
	case <-l.clock.After(delay):
		return nil
	case <-ctx.Done():
		l.mu.Lock()
		if b, ok := l.buckets[key]; ok {
			b.tokens += float64(n)
		}
		l.mu.Unlock()
		return ctx.Err()
	}
}

// Middleware answers 429 with Retry-After when the client's bucket is empty.
func (l *Limiter) Middleware(next http.Handler, keyOf func(*http.Request) string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		delay, err := l.Reserve(keyOf(r), 1)
		switch {
		case err != nil:
			http.Error(w, err.Error(), http.StatusInternalServerError)
		case delay > 0:
			seconds := int(delay.Seconds()) + 1
			w.Header().Set("Retry-After", strconv.Itoa(seconds))
			w.WriteHeader(http.StatusTooManyRequests)
		default:
			next.ServeHTTP(w, r)
		}
	})
}
