using System;
using System.Collections.Generic;

namespace Sinter.Runtime.Training.Data;

/// <summary>Which documents are kept for validation, and the rows made of them.</summary>
public static class HeldOutDocuments
{
    /// <summary>Whether a document is held out. It depends on nothing but its number, so that no other run trains on it either.</summary>
    /// <param name="part">The part of documents that is.</param>
    public static bool Holds(int document, double part) => SplitMix.Fraction(SplitMix.Mix((ulong)document ^ 0x68656C64)) < part;

    /// <summary>
    /// The first rows of the documents laid one after the other, each with its begin: row i has the tokens from T·i on, and T
    /// are what the model reads. Fewer where there are no more.
    /// </summary>
    /// <param name="part">The part of documents that is held out; 1 for all.</param>
    /// <param name="length">T, tokens that the model reads.</param>
    /// <param name="beyond">Tokens that the losses want after them.</param>
    /// <param name="most">How many rows are wanted.</param>
    public static (int[] Tokens, int[] Documents, int Rows) Rows(TokenStore store, DocumentMarks marks, double part, int length, int beyond, int most)
    {
        var tokens = new List<int>();
        var numbers = new List<int>();
        long wanted = (long)length * most + beyond;
        for (int document = 0; document < store.Documents && tokens.Count < wanted; document++)
        {
            if (!Holds(document, part)) continue;
            LaidOutDocument laid = LaidOutDocument.Plain(store, document, marks);
            var copy = new int[(int)Math.Min(laid.Length, wanted - tokens.Count)];
            laid.CopyTo(0, copy);
            tokens.AddRange(copy);
            for (int i = 0; i < copy.Length; i++) numbers.Add(document);
        }

        int rows = Math.Max(0, Math.Min(most, (tokens.Count - beyond) / length));
        var cut = new int[rows * (length + beyond)];
        var cutNumbers = new int[cut.Length];
        for (int row = 0; row < rows; row++)
        {
            tokens.CopyTo(row * length, cut, row * (length + beyond), length + beyond);
            numbers.CopyTo(row * length, cutNumbers, row * (length + beyond), length + beyond);
        }

        return (cut, cutNumbers, rows);
    }
}
