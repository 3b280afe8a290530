using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using System.Threading;
using Sinter.Runtime.Text;

namespace Sinter.Runtime.Training.Data;

/// <summary>Makes a corpus into tokens on disk, or finds that this was done before.</summary>
public static class TokenStoreBuilder
{
    /// <summary>The tokens of a corpus, from <paramref name="folder"/> if they lie there already, else made now.</summary>
    /// <param name="tokenizerFile">The tokenizer.json of <paramref name="tokenizer"/>: its hash tells stores apart.</param>
    /// <param name="vocabulary">How many tokens the model knows.</param>
    /// <param name="progress">Told of each file.</param>
    /// <exception cref="SinterException">The corpus is empty, cannot be read, or has a token that the model does not know.</exception>
    public static TokenStore Open(
        string folder, Corpus corpus, ModelTokenizer tokenizer, string tokenizerFile, int vocabulary, Action<string>? progress = null, CancellationToken cancellation = default)
    {
        if (tokenizer.Count > vocabulary)
            throw new SinterException($"{tokenizerFile} has {tokenizer.Count} tokens, but the model's vocab_size is {vocabulary}: the tokenizer does not match the model.");
        string hash = HashOf(tokenizerFile);
        TokenSource[] sources = [.. corpus.Files.Select(file => new TokenSource(file.Name, new FileInfo(file.Path).Length, HashOf(file.Path)))];
        if (TokenStore.TryOpen(folder) is { } known)
        {
            if (known.Tokenizer == hash && known.Sources.SequenceEqual(sources)) return known;
            known.Dispose();
        }

        string temporary = $"{folder}.{Guid.NewGuid():N}.tmp";
        try
        {
            Directory.CreateDirectory(temporary);
            Write(temporary, corpus, tokenizer, hash, sources, vocabulary, progress, cancellation);
            if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
            Directory.Move(temporary, folder);
        }
        catch (Exception fault)
        {
            if (Directory.Exists(temporary)) Directory.Delete(temporary, recursive: true);
            if (fault is IOException or UnauthorizedAccessException) throw new SinterException($"{folder}: the tokens cannot be written: {fault.Message}", fault);
            throw;
        }

        return TokenStore.TryOpen(folder) ?? throw new SinterException($"{folder}: the tokens that were just written cannot be read.");
    }

    /// <summary>SHA-256 of a file, in hexadecimal.</summary>
    public static string HashOf(string path)
    {
        try
        {
            using FileStream stream = File.OpenRead(path);
            return Convert.ToHexStringLower(SHA256.HashData(stream));
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new SinterException(File.Exists(path) ? $"{path}: the file cannot be read: {fault.Message}" : $"{path}: there is no such file.", fault);
        }
    }

    private static void Write(
        string folder, Corpus corpus, ModelTokenizer tokenizer, string hash, TokenSource[] sources, int vocabulary, Action<string>? progress, CancellationToken cancellation)
    {
        var domains = new List<(string Name, int First)>();
        int documents = 0;
        long count = 0, documentStart = 0;
        using (FileStream tokens = File.Create(Path.Combine(folder, TokenStore.TokenFile)))
        using (FileStream ends = File.Create(Path.Combine(folder, TokenStore.DocumentFile)))
        {
            foreach (CorpusFile file in corpus.Files)
            {
                progress?.Invoke(file.Name);
                if (domains.Count == 0 || domains[^1].Name != file.Domain) domains.Add((file.Domain, documents));
                foreach (TextPiece piece in file.Format.Read(file.Path))
                {
                    cancellation.ThrowIfCancellationRequested();
                    int[] ids = tokenizer.Encode(piece.Text);
                    foreach (int id in ids)
                        if ((uint)id >= (uint)vocabulary) throw new SinterException($"{file.Path} has the token {id}, which is beyond the model's vocabulary of {vocabulary}.");
                    tokens.Write(MemoryMarshal.AsBytes<int>(ids));
                    count += ids.Length;
                    if (!piece.EndsDocument || count == documentStart) continue;
                    ends.Write(MemoryMarshal.AsBytes([count]));
                    documentStart = count;
                    documents = checked(documents + 1);
                }
            }

            tokens.Flush(flushToDisk: true);
            ends.Flush(flushToDisk: true);
        }

        if (count == 0) throw new SinterException($"{corpus.Path}: the corpus is empty: its {corpus.Files.Count} files hold no text.");
        var list = new JsonObject
        {
            ["tokenizer"] = hash,
            ["domains"] = new JsonArray([.. domains.Select((domain, i) => (JsonNode)new JsonObject
            {
                ["name"] = domain.Name,
                ["first"] = domain.First,
                ["documents"] = (i + 1 < domains.Count ? domains[i + 1].First : documents) - domain.First,
            })]),
            ["sources"] = new JsonArray([.. sources.Select(source => (JsonNode)new JsonObject { ["name"] = source.Name, ["bytes"] = source.Bytes, ["sha256"] = source.Sha256 })]),
        };
        File.WriteAllText(Path.Combine(folder, TokenStore.ListFile), list.ToJsonString());
    }
}
