using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using System.Text.RegularExpressions;

namespace Sinter.Runtime.Text;

/// <summary>
/// Learns the merges of byte-level BPE (Sennrich et al. 2016) from text: the pair that occurs most often within words becomes
/// a token, again and again. Of pairs that occur equally often that of the lower token numbers comes first, as in Hugging
/// Face's tokenizers, so that the same text gives the same merges there.
/// </summary>
public sealed class BytePairTraining
{
    /// <summary>A pair that occurs once says nothing about other text.</summary>
    private const long LeastOften = 2;

    private readonly TextSplitter _splitter = new([.. PublishedTokenizer.Patterns.Select(pattern => new Regex(pattern, RegexOptions.CultureInvariant))]);
    private readonly Dictionary<string, long> _counts = new(StringComparer.Ordinal);

    /// <summary>How many different words the text has so far.</summary>
    public int Words => _counts.Count;

    /// <summary>Adds a piece of text; words never reach across pieces.</summary>
    public void Add(string text)
    {
        foreach ((int offset, int length) in _splitter.PreTokenize(text))
        {
            ReadOnlySpan<char> word = text.AsSpan(offset, length);
            Dictionary<string, long>.AlternateLookup<ReadOnlySpan<char>> counts = _counts.GetAlternateLookup<ReadOnlySpan<char>>();
            counts.TryGetValue(word, out long count);
            counts[word] = count + 1;
        }
    }

    /// <summary>Learns a vocabulary.</summary>
    /// <param name="specials">Tokens with the numbers 0, 1 …; the 256 bytes follow, then what is merged.</param>
    /// <param name="size">How many tokens there are to be with them.</param>
    /// <returns>All tokens by number, and the merges in order.</returns>
    /// <exception cref="SinterException">The text has too little repetition for so many tokens.</exception>
    public (IReadOnlyList<string> Tokens, IReadOnlyList<(string Left, string Right)> Merges) Learn(IReadOnlyList<string> specials, int size)
    {
        var tokens = new List<string>(specials);
        char[] characters = ByteLevelAlphabet.Characters();
        tokens.AddRange(characters.Order().Select(character => character.ToString()));
        var numbers = tokens.Select((token, number) => (token, number)).ToDictionary(entry => entry.token, entry => entry.number, StringComparer.Ordinal);
        var pairs = new PairCounts();
        foreach ((string word, long count) in _counts)
            pairs.Add([.. Encoding.UTF8.GetBytes(word).Select(value => numbers[characters[value].ToString()])], count);

        var merges = new List<(string, string)>();
        while (tokens.Count < size)
        {
            if (pairs.TakeMostFrequent(LeastOften) is not (int left, int right))
                throw new SinterException($"The text has enough repetition for {tokens.Count} tokens, not for {size}: give more text, or ask for a smaller vocabulary.");
            string token = tokens[left] + tokens[right];
            if (!numbers.TryGetValue(token, out int number))
            {
                numbers.Add(token, number = tokens.Count);
                tokens.Add(token);
            }

            merges.Add((tokens[left], tokens[right]));
            pairs.Merge(left, right, number);
        }

        return (tokens, merges);
    }
}
