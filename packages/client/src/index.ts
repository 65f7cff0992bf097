// Producer, consumer and admin.
export {};
