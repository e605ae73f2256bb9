package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
)

// Job has a content like that of all other queues here.
type Job struct {
	Content string `json:"content"`
}

// Kind is River's name of the job.
func (Job) Kind() string { return "job" }

const contentBytes = 250

// In one InsertManyFast.
const bulk = 5000

// A content of which no two are equal.
func content(number int64) string {
	text := fmt.Sprintf("job %d ", number)
	return text + strings.Repeat("x", contentBytes-len(text))
}

func fill(ctx context.Context, pool *pgxpool.Pool, jobs int) {
	client := client(pool, &river.Config{})
	for first := 0; first < jobs; first += bulk {
		var many []river.InsertManyParams
		for number := first; number < min(first+bulk, jobs); number++ {
			many = append(many, river.InsertManyParams{Args: Job{Content: content(int64(number))}})
		}
		_, err := client.InsertManyFast(ctx, many)
		check(err)
	}
}

func enqueue(ctx context.Context, pool *pgxpool.Pool, clients int, limit time.Duration) {
	client := client(pool, &river.Config{})
	insert := func(number int64) {
		_, err := client.Insert(ctx, Job{Content: content(number)}, nil)
		check(err)
	}
	fmt.Println("seconds", seconds(callers(clients, limit, insert)))
}

// Lets this many callers call without a pause until the time is over; the time until the last has returned.
func callers(count int, limit time.Duration, call func(number int64)) time.Duration {
	var number atomic.Int64
	var all sync.WaitGroup
	began := time.Now()
	for range count {
		all.Go(func() {
			for time.Since(began) < limit {
				call(number.Add(1))
			}
		})
	}
	all.Wait()
	return time.Since(began)
}
