using System.Collections.Generic;

namespace Sinter.Runtime.Text;

/// <summary>How often each pair of neighbouring tokens occurs within words, while words are merged.</summary>
internal sealed class PairCounts
{
    private readonly List<List<int>> _words = [];
    private readonly List<long> _counts = [];
    private readonly Dictionary<(int Left, int Right), long> _pairs = [];
    private readonly Dictionary<(int Left, int Right), HashSet<int>> _where = [];
    private readonly PriorityQueue<((int Left, int Right) Pair, long Count), (long Count, int Left, int Right)> _queue = new(new MostFrequentFirst());
    private bool _isFilled;

    public void Add(List<int> word, long count)
    {
        for (int i = 1; i < word.Count; i++)
        {
            (int, int) pair = (word[i - 1], word[i]);
            _pairs[pair] = _pairs.GetValueOrDefault(pair) + count;
            Where(pair).Add(_words.Count);
        }

        _words.Add(word);
        _counts.Add(count);
    }

    /// <summary>The pair that occurs most often, if it does so <paramref name="least"/> times.</summary>
    public (int Left, int Right)? TakeMostFrequent(long least)
    {
        if (!_isFilled)
        {
            foreach (((int Left, int Right) pair, long count) in _pairs) Enqueue(pair, count);
            _isFilled = true;
        }

        while (_queue.TryDequeue(out ((int Left, int Right) Pair, long Count) entry, out _))
        {
            // Counts fall while an entry waits; it is put back with what is true now.
            long now = _pairs[entry.Pair];
            if (now != entry.Count)
            {
                if (now > 0) Enqueue(entry.Pair, now);
                continue;
            }

            return now >= least ? entry.Pair : null;
        }

        return null;
    }

    /// <summary>Puts one token in the place of a pair, in every word that has it.</summary>
    public void Merge(int left, int right, int merged)
    {
        if (!_where.Remove((left, right), out HashSet<int>? words)) return;
        var risen = new HashSet<(int, int)>();
        foreach (int index in words)
        {
            List<int> word = _words[index];
            long count = _counts[index];
            int to = 0;
            for (int from = 0; from < word.Count;)
            {
                if (from + 1 == word.Count || word[from] != left || word[from + 1] != right)
                {
                    word[to++] = word[from++];
                    continue;
                }

                if (to > 0)
                {
                    Change((word[to - 1], left), -count);
                    Rise((word[to - 1], merged), count, index, risen);
                }

                from += 2;
                if (from < word.Count)
                {
                    Change((right, word[from]), -count);
                    Rise((merged, word[from]), count, index, risen);
                }

                word[to++] = merged;
            }

            word.RemoveRange(to, word.Count - to);
        }

        foreach ((int, int) pair in risen)
            if (_pairs[pair] > 0) Enqueue(pair, _pairs[pair]);
    }

    private void Rise((int, int) pair, long count, int word, HashSet<(int, int)> risen)
    {
        Change(pair, count);
        Where(pair).Add(word);
        risen.Add(pair);
    }

    private void Change((int, int) pair, long by) => _pairs[pair] = _pairs.GetValueOrDefault(pair) + by;

    private void Enqueue((int Left, int Right) pair, long count) => _queue.Enqueue((pair, count), (count, pair.Left, pair.Right));

    private HashSet<int> Where((int, int) pair)
    {
        if (!_where.TryGetValue(pair, out HashSet<int>? words)) _where.Add(pair, words = []);
        return words;
    }

    private sealed class MostFrequentFirst : IComparer<(long Count, int Left, int Right)>
    {
        public int Compare((long Count, int Left, int Right) x, (long Count, int Left, int Right) y) =>
            x.Count != y.Count ? y.Count.CompareTo(x.Count) : (x.Left, x.Right).CompareTo((y.Left, y.Right));
    }
}
