using System;
using System.Text.Json;
using Sinter.Command.Terminal;
using Sinter.Runtime.Weights;

namespace Sinter.Command.Measuring;

/// <summary>What <c>sinter bench</c> found.</summary>
/// <param name="WeightBytesPerToken">Of stored weights read to decode a token.</param>
/// <param name="CacheBytesPerToken">Of the cache, on average over the tokens decoded.</param>
/// <param name="GigabytesPerSecond">Both at the median speed of decoding.</param>
/// <param name="Drafts">Of multi-token decoding, where it was asked for.</param>
/// <param name="ResidentBytes">The most memory that the process had at a time, mapped weights included.</param>
/// <param name="ResidentBytesBefore">What it had before the weights were loaded.</param>
/// <param name="ModelBytes">Of all weights as they are kept, and of the caches.</param>
/// <param name="Device">What the session ran on; null for the processor.</param>
/// <param name="LaunchesPerToken">Kernels that a device is asked to run for a token of decoding.</param>
/// <param name="Placement">Where the weights that are kept as stored lay.</param>
internal sealed record BenchReport(
    string Model,
    int PromptTokens,
    int DecodedTokens,
    int Runs,
    int Threads,
    Spread Prefill,
    Spread Decoding,
    long WeightBytesPerToken,
    long CacheBytesPerToken,
    double GigabytesPerSecond,
    DraftSpeed? Drafts,
    long ResidentBytes,
    long ResidentBytesBefore,
    long ModelBytes,
    string? Device,
    long LaunchesPerToken,
    WeightPlacement Placement)
{
    public void WriteText()
    {
        Console.WriteLine($"{Model}, {(Device is null ? $"{Threads} threads" : $"{Device}, {LaunchesPerToken} launches a token")}, {Runs} runs");
        Line("prefill", Prefill, $"of {PromptTokens} tokens");
        Line("decoding", Decoding, $"of {DecodedTokens} tokens");
        Console.WriteLine($"read a token  {Quantity.Bytes(WeightBytesPerToken)} of weights, {Quantity.Bytes(CacheBytesPerToken)} of cache: {GigabytesPerSecond:0.00} GB/s");
        if (Drafts is { } drafts)
        {
            Console.WriteLine($"drafts of {drafts.Depth,-2}  {100 * drafts.Acceptance:0} % kept, {drafts.TokensPerPass:0.00} tokens a pass where {drafts.BreakEven:0.00} cost as much without: "
                + $"{drafts.SpeedUp.Median:0.00} times the speed (median; least {drafts.SpeedUp.Least:0.00}, most {drafts.SpeedUp.Most:0.00})");
        }

        Console.WriteLine($"resident      {Quantity.Bytes(ResidentBytes)} at most, {Quantity.Bytes(ResidentBytesBefore)} before loading; weights and caches are {Quantity.Bytes(ModelBytes)}; weights {(Placement == WeightPlacement.Copied ? "copied into memory" : "in the mapped files")}");
    }

    public void WriteJson() => JsonOutput.Write(json =>
    {
        json.WriteString("model", Model);
        json.WriteNumber("threads", Threads);
        if (Device is not null)
        {
            json.WriteString("device", Device);
            json.WriteNumber("launches_per_token", LaunchesPerToken);
        }

        json.WriteNumber("runs", Runs);
        json.WriteNumber("prompt_tokens", PromptTokens);
        json.WriteNumber("decoded_tokens", DecodedTokens);
        Object(json, "prefill_tokens_per_second", Prefill);
        Object(json, "decode_tokens_per_second", Decoding);
        json.WriteNumber("weight_bytes_per_token", WeightBytesPerToken);
        json.WriteNumber("cache_bytes_per_token", CacheBytesPerToken);
        json.WriteNumber("gigabytes_per_second", Math.Round(GigabytesPerSecond, 3));
        if (Drafts is { } drafts)
        {
            json.WriteStartObject("drafts");
            json.WriteNumber("depth", drafts.Depth);
            json.WriteNumber("drafted_tokens", drafts.Drafted);
            json.WriteNumber("accepted_tokens", drafts.Accepted);
            json.WriteNumber("tokens_per_pass", Math.Round(drafts.TokensPerPass, 3));
            json.WriteNumber("break_even_tokens_per_pass", Math.Round(drafts.BreakEven, 3));
            Object(json, "speed_up", drafts.SpeedUp);
            json.WriteEndObject();
        }

        json.WriteString("placement", Placement == WeightPlacement.Copied ? "copied" : "mapped");
        json.WriteNumber("resident_bytes", ResidentBytes);
        json.WriteNumber("resident_bytes_before_loading", ResidentBytesBefore);
        json.WriteNumber("weight_and_cache_bytes", ModelBytes);
    });

    private static void Line(string phase, Spread speed, string what) =>
        Console.WriteLine($"{phase,-12}  {speed.Median:0.0} tokens/s {what} (median; least {speed.Least:0.0}, most {speed.Most:0.0})");

    private static void Object(Utf8JsonWriter json, string name, Spread speed)
    {
        json.WriteStartObject(name);
        json.WriteNumber("median", Math.Round(speed.Median, 3));
        json.WriteNumber("min", Math.Round(speed.Least, 3));
        json.WriteNumber("max", Math.Round(speed.Most, 3));
        json.WriteEndObject();
    }
}
